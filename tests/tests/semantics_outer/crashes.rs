//! Section 10: what an actor's crash costs, under load and at rest.

use steadfast::actors::breaker::BreakerState;
use steadfast::actors::machine::Kind;
use steadfast::prelude::*;

use super::common::breaker;
use super::support::{Runs, crash, is_failed, millis, seconds, take_down};

static LOADED: Runs = Runs::new();

#[rate_limit(requests = 100_000, per = "hour", name = "loaded-limit")]
#[idempotent(store = "loaded-store", key = "arg:order", name = "loaded")]
#[throttle(max_concurrent = 30, queue = 60, name = "loaded-throttle")]
#[circuit_breaker("loaded-breaker", failure_threshold = 1)]
#[bulkhead("loaded-pool", capacity = 4, queue = 60)]
async fn loaded(order: u64) -> Result<u64, Rejection> {
    let _running = LOADED.begin();
    millis(1 + order % 5).await;
    Ok(order)
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_end_normally_and_the_capacity_holds_however_often_every_actor_crashes() {
    let clients: Vec<_> = (0..30_u64)
        .map(|client| {
            tokio::spawn(async move {
                for round in 0..20 {
                    let order = client * 100 + round;
                    assert_eq!(loaded(order).await, Ok(order));
                }
            })
        })
        .collect();
    millis(1).await;
    for _ in 0..4 {
        for (kind, name) in [
            (Kind::Limiter, "loaded-limit"),
            (Kind::Idempotency, "loaded-store"),
            (Kind::Throttle, "loaded-throttle"),
            (Kind::Breaker, "loaded-breaker"),
            (Kind::Bulkhead, "loaded-pool"),
        ] {
            crash(kind, name).await;
            millis(20).await;
        }
    }
    assert!(clients.iter().any(|client| !client.is_finished()), "the crashes came after the load");
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!((LOADED.all(), LOADED.most(), LOADED.now()), (600, 4, 0));
    let runtime = Runtime::current();
    let registry = runtime.registry();
    let (pool, throttle) = (registry.bulkhead("loaded-pool"), registry.throttle("loaded-throttle"));
    millis(1).await;
    assert_eq!((pool.unwrap().in_use(), throttle.unwrap().in_use(), runtime.in_flight()), (0, 0, 0));
    assert_eq!(registry.breaker("loaded-breaker").unwrap().state(), BreakerState::Closed);
    assert!(registry.actors().iter().all(|actor| actor.restarts == 4));
}

static OPENED: Runs = Runs::new();

#[circuit_breaker("opened", failure_threshold = 1, success_threshold = 1)]
async fn opened() -> Result<(), String> {
    let _running = OPENED.begin();
    Err("HTTP 503".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_stays_open_through_a_crash_for_the_rest_of_its_time_and_no_longer() {
    assert!(opened().await.is_err());
    for _ in 0..3 {
        seconds(9).await;
        crash(Kind::Breaker, "opened").await;
        let refused = opened().await.unwrap_err();
        assert!(refused.starts_with("circuit breaker \"opened\" is open"), "{refused}");
    }
    assert_eq!(OPENED.all(), 1);
    seconds(3).await;
    assert_eq!(opened().await, Err("HTTP 503".to_owned()));
    assert_eq!(OPENED.all(), 2);
}

#[circuit_breaker("probed-late", failure_threshold = 1, success_threshold = 1)]
async fn probed_late(fails: bool) -> Result<(), String> {
    seconds(1).await;
    if fails { Err("HTTP 503".to_owned()) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn a_probe_in_flight_keeps_its_slot_through_a_crash_and_decides_when_it_ends() {
    let state = || breaker("probed-late").state();
    assert!(probed_late(true).await.is_err());
    seconds(30).await;
    let probe = tokio::spawn(probed_late(false));
    millis(10).await;
    crash(Kind::Breaker, "probed-late").await;
    let refused = probed_late(false).await.unwrap_err();
    assert!(refused.contains("half open with every probe out"), "{refused}");
    assert_eq!(state(), BreakerState::HalfOpen);
    assert_eq!((probe.await.unwrap(), state()), (Ok(()), BreakerState::Closed));
}

#[circuit_breaker("told-late", failure_threshold = 2)]
async fn told_late() -> Result<(), String> {
    // Its actor is down when the outcome is to be told.
    crash(Kind::Breaker, "told-late").await;
    Err("HTTP 503".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_told_while_the_actor_is_down_is_not_lost() {
    for _ in 0..2 {
        assert_eq!(told_late().await, Err("HTTP 503".to_owned()));
    }
    millis(10).await;
    assert_eq!(breaker("told-late").state(), BreakerState::Open);
}

static KEPT: Runs = Runs::new();

#[idempotent(store = "kept", key = "arg:order", name = "kept")]
#[rate_limit(requests = 3, per = "hour", name = "kept-limit")]
async fn kept(order: u64) -> Result<u64, Rejection> {
    let _running = KEPT.begin();
    Ok(order + u64::from(KEPT.all()))
}

#[tokio::test(start_paused = true)]
async fn records_and_used_quotas_survive_a_crash() {
    let first = kept(10).await.unwrap();
    crash(Kind::Idempotency, "kept").await;
    crash(Kind::Limiter, "kept-limit").await;
    assert_eq!(kept(10).await, Ok(first));
    assert_eq!(KEPT.all(), 1);
    crash(Kind::Limiter, "kept-limit").await;
    assert!(kept(10).await.is_ok());
    assert_eq!(kept(10).await.unwrap_err().policy(), "rate_limit");
}

static CUT: Runs = Runs::new();

#[idempotent(store = "cut", key = "arg:order", name = "cut")]
async fn cut(order: u64) -> Result<u64, Rejection> {
    let _running = CUT.begin();
    seconds(60).await;
    Ok(order)
}

#[tokio::test(start_paused = true)]
async fn a_run_in_flight_keeps_its_key_through_a_crash_and_its_result_is_stored() {
    let first = tokio::spawn(cut(1));
    seconds(1).await;
    crash(Kind::Idempotency, "cut").await;
    let second = cut(1).await.unwrap_err();
    assert_eq!((second.policy(), second.http_status()), ("idempotent", 409));
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(cut(1).await, Ok(1));
    assert_eq!(CUT.all(), 1);
}

#[bulkhead("crashes-often", capacity = 1)]
async fn crashes_often() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead("crashes-never", capacity = 1)]
async fn crashes_never() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn restarts_are_counted_for_each_name_within_thirty_seconds() {
    crashes_often().await.unwrap();
    crashes_never().await.unwrap();
    for _ in 0..12 {
        crash(Kind::Bulkhead, "crashes-often").await;
        seconds(7).await;
    }
    assert!(!is_failed(Kind::Bulkhead, "crashes-often"), "five in thirty seconds are allowed");
    take_down(Kind::Bulkhead, "crashes-often").await;
    assert_eq!(crashes_often().await.unwrap_err().policy(), "bulkhead");
    assert_eq!(crashes_never().await, Ok(()));
}
