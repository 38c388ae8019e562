//! Rows of overload: what turning a call away costs while far more come than there is room for, and what is left of the
//! capacity for those that are let in.
//!
//! Callers come in real time and do not wait for each other (an open load). Each holds its permit for a few milliseconds;
//! the capacity is what as many callers get through as there are permits, who come again as soon as they are done.

use std::time::{Duration, Instant};

use steadfast::actors::bulkhead::{BulkheadHandle, Priority};
use steadfast::actors::settings::Settings;
use tokio::task::JoinSet;

use super::Grounds;
use super::bulkhead::pool;
use crate::measure::{Bench, Effort, median};
use crate::table::Line;

const PERMITS: u32 = 64;
const HELD: Duration = Duration::from_millis(5);
/// What a refusal may cost, and how much of the capacity may be lost.
const NANOSECONDS: f64 = 200.0;
const PER_CENT: f64 = 5.0;

/// What became of one caller.
enum Ended {
    Served,
    /// After so many nanoseconds.
    Refused(f64),
}

pub(crate) fn measured(
    bench: &Bench,
    grounds: &Grounds,
    effort: Effort,
    is_wanted: impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Line),
) {
    let length = if effort.whole { Duration::from_secs(4) } else { Duration::from_secs(1) };
    for (line, queue) in [("", None), (", no line", Some(0))] {
        let names = [2, 10].map(|times| {
            (
                times,
                format!("bulkhead{line}, {times} times its load: a refusal"),
                format!("bulkhead{line}, {times} times its load: capacity lost"),
            )
        });
        if !names.iter().any(|(_, refusal, lost)| is_wanted(refusal) || is_wanted(lost)) {
            continue;
        }
        let settings = Settings::new().with("capacity", i64::from(PERMITS));
        let settings = queue.map_or(settings.clone(), |queue| settings.with("queue", queue));
        let pool = pool(&grounds.on, &format!("overload{line}"), settings);
        let capacity = bench.tokio.block_on(closed(&pool, length));
        for (times, refusal, lost) in names {
            let before = pool.hosted().messages();
            let run = bench.tokio.block_on(open(&pool, capacity * f64::from(times), length));
            let messages = (pool.hosted().messages() - before) as f64 / run.came as f64;
            let of = |what: &str, unit: &'static str, ours: f64, bound: f64| {
                let line = Line::of(what, &format!("{bound} {unit}"), unit, ours, bound, Some(1.0));
                Line { threads: bench.threads, messages: Some(messages), ..line }
            };
            tell(of(&refusal, "ns", run.refusal, NANOSECONDS));
            let lost_share = 100.0 * (1.0 - run.served / most(capacity, times, queue));
            tell(of(&lost, "per cent", lost_share.max(0.0), PER_CENT));
        }
    }
}

/// What of the capacity can be used. Where nobody may wait, a permit lies idle until the next caller comes, however well
/// it is handed on: what is left then is what Erlang's formula says of callers that do not come at fixed times.
fn most(capacity: f64, times: u32, queue: Option<i64>) -> f64 {
    if queue != Some(0) {
        return capacity;
    }
    let offered = f64::from(times * PERMITS);
    let blocked = (1..=PERMITS).fold(1.0, |blocked, permits| {
        let load = offered * blocked;
        load / (f64::from(permits) + load)
    });
    capacity * f64::from(times) * (1.0 - blocked)
}

/// Calls a second with as many callers as there are permits.
async fn closed(pool: &BulkheadHandle, length: Duration) -> f64 {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..PERMITS {
        let pool = pool.clone();
        callers.spawn(async move {
            let mut served = 0_u64;
            while start.elapsed() < length {
                let permit = pool.acquire(Priority::Normal).await.expect("there is one for each");
                tokio::time::sleep(HELD).await;
                drop(permit);
                served += 1;
            }
            served
        });
    }
    let served: u64 = callers.join_all().await.iter().sum();
    served as f64 / start.elapsed().as_secs_f64()
}

/// What became of an open load.
struct Run {
    came: u64,
    /// Calls a second.
    served: f64,
    /// Nanoseconds, the median.
    refusal: f64,
}

/// So many callers a second, for some time.
async fn open(pool: &BulkheadHandle, rate: f64, length: Duration) -> Run {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    let mut came = 0_u64;
    let mut chance = 1_u64;
    let mut next = 0.0;
    while start.elapsed() < length {
        while next <= start.elapsed().as_secs_f64() {
            callers.spawn(call(pool.clone()));
            came += 1;
            next += pause(&mut chance) / rate;
        }
        tokio::task::yield_now().await;
    }
    let took = start.elapsed().as_secs_f64();
    let mut served = 0_u64;
    let mut refusals = Vec::new();
    for ended in callers.join_all().await {
        match ended {
            Ended::Served => served += 1,
            Ended::Refused(nanos) => refusals.push(nanos),
        }
    }
    Run { came, served: served as f64 / took, refusal: (median(refusals) - clock()).max(0.0) }
}

/// Between two callers who know nothing of each other, on average 1.
fn pause(chance: &mut u64) -> f64 {
    // xorshift64: the same callers in every run.
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    let uniform = (*chance >> 11) as f64 / (1_u64 << 53) as f64;
    -(1.0 - uniform).ln()
}

async fn call(pool: BulkheadHandle) -> Ended {
    let start = Instant::now();
    match pool.acquire(Priority::Normal).await {
        Ok(permit) => {
            tokio::time::sleep(HELD).await;
            drop(permit);
            Ended::Served
        }
        Err(_) => Ended::Refused(start.elapsed().as_nanos() as f64),
    }
}

/// What reading the clock adds to what is measured with it.
fn clock() -> f64 {
    median((0..10_001).map(|_| Instant::now().elapsed().as_nanos() as f64).collect())
}
