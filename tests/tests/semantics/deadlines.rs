//! 2. Deadlines.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::actors::machine::Kind;
use steadfast::prelude::*;
use tokio::time::{sleep, sleep_until};

use crate::common::{Runs, log, now};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn is_timeout<T: std::fmt::Debug>(result: Result<T, Rejection>) -> bool {
    matches!(result, Err(Rejection::TimedOut { .. }))
}

#[timeout("2.5s")]
#[retry(attempts = 100, strategy = "fixed", base_delay = "1s", jitter = false)]
async fn backs_off(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    sleep(ms(400)).await;
    Err(Rejection::timed_out("dependency", ms(400)))
}

#[tokio::test(start_paused = true)]
async fn attempts_and_backoffs_count_towards_the_total_and_end_with_it() {
    let (runs, start) = (Runs::new(), now());
    assert!(is_timeout(backs_off(runs.clone()).await));
    assert!(now() - start <= ms(2_501));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(runs.at(), [0, 1_400]);
}

#[timeout("2s")]
#[bulkhead("deadline-pool", capacity = 1, queue = 2, max_wait = "1m")]
async fn pooled(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    pending().await
}

#[timeout("2s")]
#[throttle(max_concurrent = 1, queue = 2, max_wait = "1m")]
async fn throttled(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    pending().await
}

#[timeout("2s")]
#[idempotent(key = "arg:order", on_conflict = "wait")]
async fn ordered(order: u32, runs: Runs) -> Result<u32, Rejection> {
    runs.next();
    pending().await
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_slot_ends_at_the_calls_deadline_and_its_work_is_never_begun() {
    let runs = Runs::new();
    let first = tokio::spawn(pooled(runs.clone()));
    sleep(ms(500)).await;
    // Both wait behind the first: one is let in when that is cut, at 2 s.
    let (second, third) = tokio::join!(pooled(runs.clone()), pooled(runs.clone()));
    assert!(is_timeout(second) && is_timeout(third));
    assert!(is_timeout(first.await.unwrap()));
    assert_eq!(runs.at(), [0, 2_000]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(runs.all(), 2);
    let pool = Runtime::current().registry().bulkhead("deadline-pool").unwrap();
    assert_eq!((pool.in_use(), pool.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_throttle_ends_at_the_calls_deadline() {
    let runs = Runs::new();
    let first = tokio::spawn(throttled(runs.clone()));
    sleep(ms(1)).await;
    let start = now();
    let (second, third) = tokio::join!(throttled(runs.clone()), throttled(runs.clone()));
    assert!(is_timeout(second) && is_timeout(third));
    assert!(now() - start <= ms(2_001));
    assert!(is_timeout(first.await.unwrap()));
    assert_eq!(runs.all(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_an_idempotent_duplicate_ends_at_the_calls_deadline() {
    let runs = Runs::new();
    let first = tokio::spawn(ordered(7, runs.clone()));
    sleep(ms(1_000)).await;
    let start = now();
    assert!(ordered(7, runs.clone()).await.is_err());
    assert!(now() - start <= ms(2_001));
    assert!(first.await.unwrap().is_err());
    assert_eq!(runs.all(), 1);
}

#[timeout("1s")]
#[fallback(late)]
async fn hangs(take: u64) -> Result<Option<Duration>, Rejection> {
    sleep(Duration::from_secs(take)).await;
    pending().await
}

async fn late(_: u64) -> Result<Option<Duration>, Rejection> {
    let left = Deadline::remaining();
    sleep(ms(400)).await;
    Ok(left)
}

#[timeout("1.5s")]
async fn parent_of_hangs() -> Result<Option<Duration>, Rejection> {
    hangs(9).await
}

#[timeout("1.2s")]
async fn short_parent_of_hangs() -> Result<Option<Duration>, Rejection> {
    hangs(9).await
}

#[tokio::test(start_paused = true)]
async fn a_fallback_runs_for_a_second_after_the_total_and_never_beyond_the_callers_deadline() {
    assert_eq!(hangs(9).await, Ok(Some(ms(1_000))));
    let left = parent_of_hangs().await.unwrap().unwrap();
    assert!(left <= ms(500) && left >= ms(498), "{left:?}");
    assert!(is_timeout(short_parent_of_hangs().await), "200 ms are less than it takes");
}

#[timeout("30s")]
#[retry(attempts = 3)]
#[fallback(over_fallback)]
async fn over(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    Ok(())
}

async fn over_fallback(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_already_over_runs_nothing_and_is_504() {
    let (runs, runtime) = (Runs::new(), Runtime::current());
    for left in [Duration::ZERO, ms(9)] {
        let refused = runtime.serving(Some(left), over(runs.clone())).await.unwrap_err();
        assert_eq!(refused.http_status(), 504);
    }
    assert_eq!(runs.all(), 0);
    assert!(runtime.serving(Some(ms(10)), over(runs.clone())).await.is_ok());
}

#[timeout("3s")]
async fn child(runs: Runs) -> Result<Option<Duration>, Rejection> {
    runs.next();
    Ok(Deadline::remaining())
}

#[timeout("1.5s")]
async fn parent(used: u64, runs: Runs) -> Result<Option<Duration>, Rejection> {
    sleep(ms(used)).await;
    child(runs).await
}

#[tokio::test(start_paused = true)]
async fn a_childs_deadline_is_the_smaller_of_its_parents_and_its_own() {
    let runs = Runs::new();
    let left = parent(1_400, runs.clone()).await.unwrap().unwrap();
    assert!(left <= ms(100), "{left:?}");
    assert!(is_timeout(parent(1_600, runs.clone()).await));
    assert_eq!(runs.all(), 1);
    assert_eq!(child(runs).await, Ok(Some(ms(3_000))));
}

struct Falls(Arc<AtomicU32>);

impl Drop for Falls {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[retry(attempts = 9, strategy = "fixed", base_delay = "300ms", jitter = false, budget = "off")]
async fn annotated(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    Err(Rejection::timed_out("dependency", ms(1)))
}

#[timeout("1s")]
async fn parent_of_both(runs: Runs, fallen: Arc<AtomicU32>) -> Result<(), Rejection> {
    let plain = async {
        let _falls = Falls(fallen);
        pending::<()>().await;
    };
    let (result, ()) = tokio::join!(annotated(runs), plain);
    result
}

#[tokio::test(start_paused = true)]
async fn a_parents_deadline_cuts_annotated_children_and_drops_all_others() {
    let (runs, fallen) = (Runs::new(), Arc::default());
    assert!(is_timeout(parent_of_both(runs.clone(), Arc::clone(&fallen)).await));
    assert_eq!(fallen.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(9)).await;
    assert_eq!(runs.at(), [0, 300, 600, 900]);
}

#[timeout("99999999h")]
async fn for_ages(take: u64) -> Result<Option<Duration>, Rejection> {
    sleep(Duration::from_secs(take)).await;
    Ok(Deadline::remaining())
}

#[tokio::test(start_paused = true)]
async fn a_very_long_timeout_is_no_panic_and_no_end() {
    for take in [0, 1] {
        let start = now();
        assert!(for_ages(take).await.is_ok());
        assert_eq!(now() - start, Duration::from_secs(take));
    }
}

#[timeout_cascade(percentage = 30)]
async fn cascaded() -> Result<Option<Duration>, Rejection> {
    Ok(Deadline::remaining())
}

#[timeout_cascade("10s", percentage = 30)]
async fn cascaded_of_ten() -> Result<Option<Duration>, Rejection> {
    Ok(Deadline::remaining())
}

#[timeout("20s")]
async fn parent_of_cascade() -> Result<Option<Duration>, Rejection> {
    cascaded_of_ten().await
}

#[tokio::test(start_paused = true)]
async fn without_a_parent_a_cascade_takes_its_share_of_what_it_assumes_and_says_so_once() {
    let (log, _listening) = log();
    for _ in 0..3 {
        assert_eq!(cascaded().await, Ok(Some(Duration::from_secs(9))));
    }
    assert_eq!(cascaded_of_ten().await, Ok(Some(Duration::from_secs(3))));
    let assumed: Vec<String> = log.lines_with("assumed");
    assert_eq!(assumed.len(), 2, "one for each site: {assumed:?}");
    assert_eq!(parent_of_cascade().await, Ok(Some(Duration::from_secs(6))), "its parent's real total");
}

#[timeout("2m")]
#[fallback(what_is_left, fallback_timeout = "5s")]
async fn two_minutes(fails: bool) -> Result<Option<Duration>, Rejection> {
    if fails { Err(Rejection::timed_out("dependency", ms(1))) } else { Ok(Deadline::remaining()) }
}

async fn what_is_left(_: bool) -> Result<Option<Duration>, Rejection> {
    Ok(Deadline::remaining())
}

#[metrics]
async fn undeclared() -> Result<Option<Duration>, Rejection> {
    Ok(Deadline::remaining())
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_deadline_gets_a_minute_or_its_total_and_its_fallbacks_time() {
    let runtime = Runtime::current();
    let minute = runtime.serving(None, undeclared()).await;
    assert_eq!(minute, Ok(Some(Duration::from_secs(60))));
    assert_eq!(runtime.serving(None, two_minutes(false)).await, Ok(Some(Duration::from_secs(120))));
    assert_eq!(runtime.serving(None, two_minutes(true)).await, Ok(Some(Duration::from_secs(5))));
    let short = runtime.serving(Some(Duration::from_secs(2)), two_minutes(true)).await;
    assert_eq!(short, Ok(Some(Duration::from_secs(2))), "the wire's deadline bounds a fallback too");
}

#[timeout("30s", per_attempt = "10s")]
#[fallback(late_but_there, fallback_timeout = "20s")]
#[throttle(max_concurrent = 2)]
#[retry(attempts = 2, base_delay = "1ms")]
#[circuit_breaker("no-timer", failure_threshold = 99)]
#[bulkhead("no-timer", capacity = 1, max_wait = "40s")]
async fn all_of_it(fails: bool) -> Result<(), Rejection> {
    sleep(ms(1)).await;
    if fails { Err(Rejection::timed_out("dependency", ms(1))) } else { Ok(()) }
}

async fn late_but_there(_: bool) -> Result<(), Rejection> {
    Ok(())
}

/// How often a thread went to sleep in an hour after `calls`: once for each timer, and as the wheel of timers turns.
fn parks_after<F: Future<Output = ()>>(calls: impl FnOnce() -> F) -> u32 {
    let parks = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&parks);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    tokio.block_on(async {
        let start = now();
        sleep_until(start + Duration::from_secs(99)).await;
        calls().await;
        sleep_until(start + Duration::from_secs(100)).await;
        let before = parks.load(Ordering::Relaxed);
        sleep_until(start + Duration::from_secs(3_700)).await;
        parks.load(Ordering::Relaxed) - before
    })
}

#[test]
fn after_the_last_answer_no_timer_of_ours_is_pending() {
    let none = parks_after(|| async {});
    let forgotten = parks_after(|| async { drop(tokio::spawn(sleep(Duration::from_secs(30)))) });
    assert_ne!(forgotten, none, "a forgotten timer shows");
    let ours = parks_after(|| async {
        let (a, b, c) = tokio::join!(all_of_it(false), all_of_it(true), all_of_it(false));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
    });
    assert_eq!(ours, none);
}

#[timeout("50ms")]
#[rate_limit(name = "hung-limiter", requests = 9, per = "1m")]
async fn behind_a_limiter(runs: Runs) -> Result<(), Rejection> {
    runs.next();
    Ok(())
}

#[timeout("50ms")]
#[idempotent(store = "hung-store", key = "arg:order", on_unavailable = "allow")]
async fn behind_a_store(order: u32, runs: Runs) -> Result<u32, Rejection> {
    runs.next();
    Ok(order)
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_an_actors_answer_ends_at_the_calls_deadline() {
    let runs = Runs::new();
    assert!(behind_a_limiter(runs.clone()).await.is_ok() && behind_a_store(1, runs.clone()).await.is_ok());
    let runtime = Runtime::current();
    let until = runtime.clock().now().after(Duration::from_secs(60));
    for (kind, name) in [(Kind::Limiter, "hung-limiter"), (Kind::Idempotency, "hung-store")] {
        runtime.registry().hang(kind, name, until, false).await.unwrap().unwrap();
    }
    let start = now();
    assert!(is_timeout(behind_a_limiter(runs.clone()).await));
    assert!(is_timeout(behind_a_store(2, runs.clone()).await));
    assert!(now() - start <= ms(102));
    assert_eq!(runs.all(), 2);
}
