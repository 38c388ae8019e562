//! Grants in advance and one by one take the same decisions, call for call, on one thread.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::settings::Grants;

/// One caller. All times in milliseconds.
///
/// Callers come as a period begins; each holds its permit for some periods and one more millisecond, so that however many
/// hold it one after the other, none gives it back as another comes; orders are given, callers go away and deadlines pass
/// each at a time of their own within a period. What is done without asking is done before whatever else is done at that very moment, what is asked
/// for behind it.
#[derive(Clone, Debug)]
struct Caller {
    at: u64,
    class: usize,
    weight: u64,
    holds: u64,
    deadline: Option<u64>,
    /// When it goes away, wherever it stands.
    leaves: Option<u64>,
    reduced: bool,
}

#[derive(Clone, Debug)]
struct Day {
    queue: i64,
    max_wait: &'static str,
    kind: &'static str,
    callers: Vec<Caller>,
    capacities: Vec<(u64, u64)>,
    crashes: Vec<u64>,
    closes: Option<u64>,
}

/// Many times as long as there are callers.
const PERIOD: u64 = 256;

fn periods(most: u64, rest: u64) -> impl Strategy<Value = u64> {
    (0..most).prop_map(move |periods| periods * PERIOD + rest)
}

fn days() -> impl Strategy<Value = Day> {
    let caller = (
        (periods(8, 0), 0usize..4, 1u64..3, periods(6, 1)),
        prop::option::weighted(0.2, prop_oneof![Just(0), periods(4, 180)]),
        prop::option::weighted(0.2, periods(4, 120)),
        prop::bool::weighted(0.1),
    );
    let caller = caller.prop_map(|((at, class, weight, holds), deadline, leaves, reduced)| Caller {
        at,
        class,
        weight,
        holds,
        deadline,
        leaves,
        reduced,
    });
    let capacities = prop::collection::vec((periods(12, 60), 2u64..6), 0..3);
    let closes = prop::option::weighted(0.1, periods(12, 60));
    let settings = (
        prop::sample::select(vec![0, 1, 4]),
        prop::sample::select(vec!["436ms", "1460ms", "2484ms"]),
        prop::sample::select(vec!["semaphore", "semaphore", "threads"]),
    );
    (settings, prop::collection::vec(caller, 1..40), capacities, closes).prop_map(
        |((queue, max_wait, kind), callers, capacities, closes)| Day {
            queue,
            max_wait,
            kind,
            callers,
            capacities,
            crashes: Vec::new(),
            closes,
        },
    )
}

/// How a call ended: when, and with what.
type Ended = (u64, Result<Duration, Rejection>);

async fn call(pool: BulkheadHandle, start: Time, caller: Caller) -> Option<Ended> {
    millis(caller.at).await;
    let elapsed = || pool.hosted().now().since(start).as_millis() as u64;
    let acquire = async {
        if caller.reduced {
            return pool.acquire_optional().await;
        }
        let deadline = caller.deadline.map(|left| pool.hosted().now().after(Duration::from_millis(left)));
        pool.acquire_n(Priority::NAMES[caller.class].1, caller.weight, deadline.unwrap_or(Time::MAX)).await
    };
    let answer = match caller.leaves {
        Some(leaves) => tokio::time::timeout(Duration::from_millis(leaves), acquire).await.ok()?,
        None => acquire.await,
    };
    let ended = (elapsed(), answer.as_ref().map(BulkheadPermit::waited).map_err(Clone::clone));
    millis(caller.holds).await;
    drop(answer);
    Some(ended)
}

/// What became of every call of a day, and how many permits were out at most.
fn live(day: &Day, grants: Grants) -> (Vec<Option<Ended>>, u64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let day = day.clone();
    runtime.block_on(async move {
        let options = HostOptions { grants, ..HostOptions::default() };
        let settings = Settings::new().with("capacity", 3).with("queue", day.queue).with("kind", day.kind);
        let pool = pool_with(&settings.with("max_wait", day.max_wait), options);
        // As after its first call: its actor is awake.
        drop(pool.acquire_optional().await);
        let start = pool.hosted().now();
        let most = Arc::new(AtomicU64::new(0));
        let mut calls = Vec::new();
        for caller in day.callers {
            calls.push(tokio::spawn(call(pool.clone(), start, caller)));
        }
        let mut orders = Vec::new();
        for (at, capacity) in day.capacities {
            let pool = pool.clone();
            orders.push(tokio::spawn(async move {
                millis(at).await;
                pool.set_capacity(capacity).unwrap();
            }));
        }
        for at in day.crashes {
            let pool = pool.clone();
            orders.push(tokio::spawn(async move {
                millis(at).await;
                let _ = pool.hosted().crash().await;
            }));
        }
        if let Some(at) = day.closes {
            let pool = pool.clone();
            orders.push(tokio::spawn(async move {
                millis(at).await;
                pool.close().await;
            }));
        }
        let watch = tokio::spawn({
            let (pool, most) = (pool.clone(), Arc::clone(&most));
            async move {
                loop {
                    most.fetch_max(pool.in_use(), Ordering::Relaxed);
                    millis(7).await;
                }
            }
        });
        let mut ended = Vec::new();
        for call in calls {
            ended.push(call.await.unwrap());
        }
        for order in orders {
            order.await.unwrap();
        }
        watch.abort();
        millis(10).await;
        assert_eq!((pool.in_use(), pool.waiting(), pool.status().lane_in_use), (0, 0, 0));
        (ended, most.load(Ordering::Relaxed))
    })
}

proptest! {
    #![proptest_config(crate::host::cases(64))]

    #[test]
    fn whoever_asks_and_whoever_takes_what_was_granted_gets_the_same_at_the_same_time(day in days()) {
        let (asked, granted) = (live(&day, Grants::Off), live(&day, Grants::On));
        prop_assert_eq!(asked.0, granted.0);
    }

    #[test]
    fn no_crash_lets_more_in_than_the_capacity_or_keeps_a_permit_for_ever(
        day in days(),
        crashes in prop::collection::vec(0u64..2_000, 1..4),
    ) {
        let largest = day.capacities.iter().map(|(_, capacity)| *capacity).chain([3]).max().unwrap();
        let (_, most) = live(&Day { crashes, ..day }, Grants::On);
        prop_assert!(most <= largest, "{most} of {largest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_permit_is_taken_and_given_back_without_a_message() {
    let pool = of(2);
    for _ in 0..100 {
        drop(acquire(&pool).await.unwrap());
    }
    millis(1).await;
    assert_eq!((pool.hosted().messages(), pool.in_use()), (0, 0));
    let asked = pool_with(&Settings::new().with("capacity", 2).with("grants", "off"), HostOptions::default());
    drop(acquire(&asked).await.unwrap());
    assert!(asked.hosted().messages() > 0);
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_hangs_or_restarts_what_was_granted_is_taken_and_given_back_as_ever() {
    let pool = of(2);
    drop(pool.acquire_optional().await.unwrap());
    let until = pool.hosted().now().after(Duration::from_secs(5));
    pool.hosted().hang(until, true).await.unwrap();
    for _ in 0..3 {
        let both = acquire_all(&pool, 2).await;
        // There is no third one, and nobody who could say when there will be.
        assert_eq!(acquire(&pool).await.unwrap_err().kind(), RejectionKind::Unavailable);
        drop(both);
    }
    assert!(pool.hosted().now() < until);
}
