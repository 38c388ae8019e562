//! Rows of size and number: what must not grow with names and keys, and what one of them takes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kameo::actor::Spawn as _;
use steadfast::Runtime;
use steadfast::actors::breaker::BreakerHandle;
use steadfast::actors::settings::Settings;

use super::ask::Bare;
use super::breaker::breaker;
use super::limiter::{granted, keys, limiter, plenty};
use super::{Case, Grounds};
use crate::measure::{Bench, Effort, Work, work};
use crate::table::Line;

type Failed = Box<dyn std::error::Error>;

fn isolated() -> Result<Runtime, Failed> {
    Ok(Runtime::builder().environment([]).isolated().build()?)
}

/// Finds a breaker by its name, and calls through it.
fn looked_up(runtime: &Runtime, names: usize) -> Work {
    for name in 0..names {
        breaker(runtime, &format!("name-{name}"), Settings::new());
    }
    let runtime = runtime.clone();
    work(move |_, calls| {
        let runtime = runtime.clone();
        async move {
            for _ in 0..calls {
                let breaker = runtime.registry().breaker(black_box("name-7")).expect("it was declared");
                black_box(
                    breaker.call(|| async { Ok::<u32, u32>(black_box(1)) }).await.expect("it is closed"),
                );
            }
        }
    })
}

/// Declares so many breakers and asks each of them once, so that its actor is there and at rest.
fn started(bench: &Bench, runtime: &Runtime, actors: usize) -> Vec<BreakerHandle> {
    let breakers: Vec<BreakerHandle> =
        (0..actors).map(|name| breaker(runtime, &format!("actor-{name}"), Settings::new())).collect();
    bench.tokio.block_on(async {
        for breaker in &breakers {
            // Asked for and given back: a message each way.
            drop(breaker.hosted().ask(breaker.hosted().ticket(), probe_nothing()).await);
        }
    });
    breakers
}

/// A message that every breaker answers and that changes nothing.
fn probe_nothing() -> steadfast::actors::breaker::KeyedInput {
    use steadfast::actors::breaker::{BreakerInput, KeyedInput};
    KeyedInput { key: None, input: BreakerInput::Admit { patience: None } }
}

pub(crate) fn measured(
    bench: &Bench,
    grounds: &Grounds,
    effort: Effort,
    is_wanted: impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Line),
) -> Result<(), Failed> {
    let _entered = bench.tokio.enter();
    let what = "a breaker by its name, and a call: 10,000 names";
    if is_wanted(what) {
        let (many, few) = (isolated()?, isolated()?);
        let mut case = Case::new(what, "10 names", looked_up(&many, 10_000), looked_up(&few, 10));
        case.limits[0] = Some(1.1);
        tell(case.on_one_thread().measured(bench, effort));
        bench.tokio.block_on(async {
            many.shutdown(Duration::ZERO).await;
            few.shutdown(Duration::ZERO).await;
        });
    }
    keyed(bench, grounds, effort, &is_wanted, tell);
    swept(bench, grounds, effort, &is_wanted, tell);
    resting(bench, effort, &is_wanted, tell)
}

fn keyed(
    bench: &Bench,
    grounds: &Grounds,
    effort: Effort,
    is_wanted: &impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Line),
) {
    let number = if effort.whole { 1_000_000 } else { 100_000 };
    let what = format!("keyed limiter at {number} keys");
    let memory = format!("{what}, memory of a key");
    let fresh = format!("{what}, a key that is new");
    if ![&what, &memory, &fresh].iter().any(|what| is_wanted(what)) {
        return;
    }
    // A window in which no key is whole again, and dropped, before all are there.
    let settings = plenty().with("per", "minute").with("max_keys", 1_000_000).with("by", "user");
    let declared = |name: &str| limiter(&grounds.on, name, settings.clone());
    let (many, few) = (declared("a million"), declared("a thousand"));
    let (all, some) = (keys(number), keys(1_000));
    let mut took = Duration::ZERO;
    let counted = allocation_counter::measure(|| {
        bench.tokio.block_on(async {
            let start = Instant::now();
            for key in all.iter() {
                many.check(key).await.expect("there is plenty");
            }
            took = start.elapsed();
        });
    });
    bench.tokio.block_on(async {
        for key in some.iter() {
            few.check(key).await.expect("there is plenty");
        }
    });
    let each = counted.bytes_current as f64 / number as f64;
    // The map's own share: its key's text, and the two words that point to it.
    let text: usize = all.iter().map(|key| key.len() + size_of::<String>()).sum();
    tell(Line::of(
        &memory,
        "128 bytes and its key",
        "bytes",
        each,
        128.0 + text as f64 / number as f64,
        Some(1.0),
    ));
    tell(Line::of(
        &fresh,
        "1 microsecond",
        "ns",
        took.as_secs_f64() * 1e9 / number as f64,
        1_000.0,
        Some(1.0),
    ));
    let mut case =
        Case::new(&what, "1,000 keys", granted(many, scattered(&all)), granted(few, scattered(&some)));
    case.limits[0] = Some(2.0);
    tell(case.on_one_thread().measured(bench, effort));
}

/// Fills a table, waits until all its keys are whole again, and asks for others: every one of those drops old ones. How long
/// the longest of them takes is how long a sweep can hold a caller.
fn swept(
    bench: &Bench,
    grounds: &Grounds,
    effort: Effort,
    is_wanted: &impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Line),
) {
    let number = if effort.whole { 1_000_000 } else { 100_000 };
    let what = format!("keyed limiter at {number} keys, the longest call while old ones go");
    if !is_wanted(&what) {
        return;
    }
    // Long enough that the table is full before the first key is whole again.
    let settings = plenty().with("per", "5s").with("max_keys", number).with("by", "user");
    let limiter = limiter(&grounds.on, "swept", settings);
    let longest = bench.tokio.block_on(async {
        for key in 0..number {
            limiter.check(&format!("old-{key}")).await.expect("there is plenty");
        }
        // A window, and the part of it in which the last one came.
        tokio::time::sleep(Duration::from_millis(5_200)).await;
        let mut longest = Duration::ZERO;
        for key in 0..10_000 {
            let key = format!("new-{key}");
            let start = Instant::now();
            limiter.check(&key).await.expect("there is plenty");
            longest = longest.max(start.elapsed());
        }
        longest
    });
    // Two go for each that comes.
    let kept = limiter.status().keys;
    assert!(kept <= usize::try_from(number).expect("it is small") - 9_000, "nothing was swept: {kept}");
    tell(Line::of(&what, "100 microseconds", "ns", longest.as_secs_f64() * 1e9, 100_000.0, Some(1.0)));
}

/// The same keys in an order that no cache foresees; a thousand of them again and again are what few keys are.
fn scattered(keys: &Arc<Vec<String>>) -> Arc<Vec<String>> {
    let number = keys.len();
    // A step that shares no factor with the number visits every key once.
    Arc::new((0..number).map(|index| keys[index * 7_919 % number].clone()).collect())
}

fn resting(
    bench: &Bench,
    effort: Effort,
    is_wanted: &impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Line),
) -> Result<(), Failed> {
    const MEASURED: usize = 1_000;
    let what = "an actor at rest, with its cell and handle";
    if is_wanted(what) {
        let runtime = isolated()?;
        drop(started(bench, &runtime, 1));
        let ours =
            allocation_counter::measure(|| std::mem::forget(started_beside(bench, &runtime, MEASURED)));
        let bare = allocation_counter::measure(|| {
            let actors: Vec<_> = (0..MEASURED)
                .map(|_| Bare::spawn_with_mailbox(Bare, kameo::mailbox::bounded(1_024)))
                .collect();
            bench.tokio.block_on(tokio::task::yield_now());
            std::mem::forget(actors);
        });
        let bytes =
            |counted: allocation_counter::AllocationInfo| counted.bytes_current as f64 / MEASURED as f64;
        let (ours, bare) = (bytes(ours), bytes(bare));
        tell(Line::of(what, "bare kameo actor", "bytes", ours, bare, Some(6.5 * 1024.0 / bare)));
        bench.tokio.block_on(runtime.shutdown(Duration::ZERO));
    }
    let actors = if effort.whole { 99_000 } else { 10_000 };
    let what = format!("{actors} actors start");
    if is_wanted(&what) {
        let runtime = isolated()?;
        let start = Instant::now();
        let breakers = started(bench, &runtime, actors);
        let took = start.elapsed().as_secs_f64() * 1e9 / actors as f64;
        tell(Line::of(
            &format!("{what}, one of them"),
            "a second for 100,000",
            "ns",
            took,
            10_000.0,
            Some(1.0),
        ));
        drop(breakers);
        bench.tokio.block_on(runtime.shutdown(Duration::ZERO));
    }
    Ok(())
}

fn started_beside(bench: &Bench, runtime: &Runtime, actors: usize) -> Vec<BreakerHandle> {
    let breakers: Vec<BreakerHandle> =
        (0..actors).map(|name| breaker(runtime, &format!("beside-{name}"), Settings::new())).collect();
    bench.tokio.block_on(async {
        for breaker in &breakers {
            drop(breaker.hosted().ask(breaker.hosted().ticket(), probe_nothing()).await);
        }
    });
    breakers
}
