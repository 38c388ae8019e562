//! Section 7: permits of plain bulkheads and throttles come back on every path.

use std::time::Duration;

use steadfast::prelude::*;

use super::support::{Runs, millis, seconds, timed};

type Answer = Result<(), Rejection>;

/// Permits in use of a pool, and who waits for one, once what was given back has been read.
async fn standing(name: &str) -> (u64, u32) {
    millis(1).await;
    let pool = Runtime::current().registry().bulkhead(name).unwrap();
    (pool.in_use(), pool.waiting())
}

#[bulkhead("one", capacity = 1, queue = 2)]
#[timeout("50ms")]
async fn one(runs: &'static Runs, millis_taken: u64) -> Answer {
    let _running = runs.begin();
    assert_ne!(millis_taken, 0, "it panics");
    millis(millis_taken).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_cut_by_its_timeout_gives_its_permit_back_at_that_moment() {
    static RUNS: Runs = Runs::new();
    let (result, took) = timed(one(&RUNS, 1_000)).await;
    assert_eq!((result.unwrap_err().http_status(), took), (504, Duration::from_millis(50)));
    assert_eq!((RUNS.now(), standing("one").await), (0, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn work_whose_caller_timed_out_in_line_never_runs_and_leaves_the_line() {
    static RUNS: Runs = Runs::new();
    let holder = Runtime::current();
    assert_eq!(one(&RUNS, 1).await, Ok(()));
    let pool = holder.registry().bulkhead("one").unwrap();
    let permit = pool.acquire(steadfast::actors::bulkhead::Priority::Normal).await.unwrap();
    assert_eq!(one(&RUNS, 1).await.unwrap_err().policy(), "timeout");
    assert_eq!((RUNS.all(), standing("one").await), (1, (1, 0)));
    drop(permit);
    assert_eq!(one(&RUNS, 1).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_and_handlers_that_panic_cost_no_capacity() {
    static RUNS: Runs = Runs::new();
    for _ in 0..5 {
        let (running, waiting) = (tokio::spawn(one(&RUNS, 40)), tokio::spawn(one(&RUNS, 40)));
        millis(10).await;
        assert_eq!(standing("one").await, (1, 1));
        waiting.abort();
        running.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(tokio::spawn(one(&RUNS, 0)).await.unwrap_err().is_panic());
    }
    assert_eq!((RUNS.now(), standing("one").await), (0, (0, 0)));
    assert_eq!(one(&RUNS, 1).await, Ok(()));
}

static STEPS: Runs = Runs::new();

#[bulkhead("per-attempt", capacity = 1, max_wait = "10ms")]
#[throttle(max_concurrent = 2, queue = 1, max_wait = "10ms", name = "per-call")]
#[retry(attempts = 2, base_delay = "10s", jitter = false)]
async fn repeated(fails: bool) -> Result<(), String> {
    let _running = STEPS.begin();
    millis(1).await;
    if fails { Err("HTTP 503".to_owned()) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn a_bulkheads_permit_is_held_for_an_attempt_and_a_throttles_through_the_backoff() {
    let backing_off = tokio::spawn(repeated(true));
    seconds(5).await;
    let registry = Runtime::current();
    let throttle = registry.registry().throttle("per-call").unwrap();
    assert_eq!((standing("per-attempt").await, throttle.in_use()), ((0, 0), 1));
    assert_eq!(repeated(false).await, Ok(()));
    let second = tokio::spawn(repeated(true));
    seconds(1).await;
    let refused = repeated(false).await.unwrap_err();
    assert!(refused.starts_with("throttle \"per-call\" is full"), "{refused}");
    assert!(backing_off.await.unwrap().is_err() && second.await.unwrap().is_err());
    millis(1).await;
    assert_eq!(throttle.in_use(), 0);
}

#[bulkhead("line", capacity = 8)]
async fn in_line(seconds_taken: u64) -> Answer {
    seconds(seconds_taken).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_half_the_capacity_one_waits_a_second_and_no_capacity_is_lost_to_who_gave_up() {
    let holders: Vec<_> = (0..8).map(|_| tokio::spawn(in_line(5))).collect();
    millis(1).await;
    let waiters: Vec<_> = (0..4).map(|_| tokio::spawn(timed(in_line(1)))).collect();
    millis(1).await;
    let (refused, took) = timed(in_line(1)).await;
    assert_eq!((refused.unwrap_err().http_status(), took), (503, Duration::ZERO));
    for waiter in waiters {
        let (refused, took) = waiter.await.unwrap();
        assert_eq!((refused.unwrap_err().policy(), took), ("bulkhead", Duration::from_secs(1)));
    }
    for holder in holders {
        assert_eq!(holder.await.unwrap(), Ok(()));
    }
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(timed(in_line(1)))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), (Ok(()), Duration::from_secs(1)));
    }
}

#[bulkhead("nested", capacity = 1, queue = 1, max_wait = "10ms")]
async fn outer_of_two() -> Answer {
    inner_of_two().await
}

#[bulkhead("nested", capacity = 1, queue = 1, max_wait = "10ms")]
async fn inner_of_two() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_one_of_the_same_name_passes_without_a_second_permit() {
    assert_eq!(outer_of_two().await, Ok(()));
    assert_eq!(standing("nested").await, (0, 0));
}

#[bulkhead_priority("classes", priority = "low")]
async fn low(seen: &'static std::sync::Mutex<Vec<&'static str>>) -> Answer {
    seen.lock().unwrap().push("low");
    millis(10).await;
    Ok(())
}

#[bulkhead_priority("classes", priority = "high")]
async fn high(seen: &'static std::sync::Mutex<Vec<&'static str>>) -> Answer {
    seen.lock().unwrap().push("high");
    millis(10).await;
    Ok(())
}

#[bulkhead("classes", capacity = 1, queue = 3)]
async fn holder() -> Answer {
    millis(10).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_lets_a_higher_class_displace_the_youngest_of_the_lowest_and_serves_it_next() {
    static SEEN: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());
    let holding = tokio::spawn(holder());
    millis(1).await;
    let mut background = Vec::new();
    for _ in 0..3 {
        background.push(tokio::spawn(low(&SEEN)));
        millis(1).await;
    }
    assert_eq!(high(&SEEN).await, Ok(()));
    holding.await.unwrap().unwrap();
    let mut ended = Vec::new();
    for call in background {
        ended.push(call.await.unwrap().map_err(|rejection| rejection.http_status()));
    }
    assert_eq!(ended, [Ok(()), Ok(()), Err(503)]);
    assert_eq!(*SEEN.lock().unwrap(), ["high", "low", "low"]);
}

#[bulkhead("resized", capacity = 2, queue = 2, max_wait = "10s")]
async fn resized() -> Answer {
    seconds(2).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn made_smaller_it_kills_nobody_and_withholds_what_comes_back_while_callers_wait() {
    let first = tokio::spawn(resized());
    seconds(1).await;
    let (second, third) = (tokio::spawn(resized()), tokio::spawn(resized()));
    millis(1).await;
    let pool = Runtime::current().registry().bulkhead("resized").unwrap();
    pool.set_capacity(1).unwrap();
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(standing("resized").await, (1, 1));
    assert_eq!(second.await.unwrap(), Ok(()));
    assert_eq!(standing("resized").await, (1, 0));
    assert_eq!(third.await.unwrap(), Ok(()));
    assert_eq!(pool.set_capacity(0).unwrap_err().policy(), "configuration");
}
