//! Section 10: what a call gets while an actor cannot decide.

use std::time::Duration;

use steadfast::RejectionKind;
use steadfast::actors::machine::Kind;
use steadfast::prelude::*;

use super::support::{Runs, millis, seconds, take_down, timed};

#[circuit_breaker("away-breaker")]
async fn guarded() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("away-breaker-strict", on_unavailable = "reject")]
async fn guarded_strictly() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit(requests = 2, per = "hour", name = "away-limit")]
async fn limited() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit(requests = 2, per = "hour", name = "away-limit-strict", on_unavailable = "reject")]
async fn limited_strictly() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead("away-pool", capacity = 2)]
async fn pooled() -> Result<(), Rejection> {
    millis(10).await;
    Ok(())
}

#[bulkhead("away-pool-lax", capacity = 2, on_unavailable = "allow")]
async fn pooled_laxly() -> Result<(), Rejection> {
    millis(10).await;
    Ok(())
}

#[throttle(max_concurrent = 2, name = "away-throttle")]
async fn throttled() -> Result<(), Rejection> {
    Ok(())
}

#[idempotent(store = "away-store", key = "arg:order", name = "away")]
async fn once(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

#[idempotent(store = "away-store-lax", key = "arg:order", name = "away-lax", on_unavailable = "allow")]
async fn once_laxly(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

fn refused_by<T: std::fmt::Debug>(result: Result<T, Rejection>, policy: &str) {
    let refused = result.unwrap_err();
    assert_eq!((refused.kind(), refused.policy()), (RejectionKind::Unavailable, policy));
    assert_eq!(refused.http_status(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_and_a_limiter_allow_while_their_actor_is_down_a_pool_and_a_store_reject() {
    guarded().await.unwrap();
    limited().await.unwrap();
    pooled().await.unwrap();
    throttled().await.unwrap();
    once(1).await.unwrap();
    take_down(Kind::Breaker, "away-breaker").await;
    assert_eq!(guarded().await, Ok(()));
    take_down(Kind::Limiter, "away-limit").await;
    assert_eq!(limited().await, Ok(()));
    take_down(Kind::Bulkhead, "away-pool").await;
    refused_by(pooled().await, "bulkhead");
    take_down(Kind::Throttle, "away-throttle").await;
    refused_by(throttled().await, "throttle");
    take_down(Kind::Idempotency, "away-store").await;
    refused_by(once(2).await, "idempotent");
}

#[tokio::test(start_paused = true)]
async fn each_of_them_does_as_its_on_unavailable_says() {
    guarded_strictly().await.unwrap();
    limited_strictly().await.unwrap();
    pooled_laxly().await.unwrap();
    once_laxly(1).await.unwrap();
    take_down(Kind::Breaker, "away-breaker-strict").await;
    refused_by(guarded_strictly().await, "circuit_breaker");
    take_down(Kind::Limiter, "away-limit-strict").await;
    refused_by(limited_strictly().await, "rate_limit");
    take_down(Kind::Bulkhead, "away-pool-lax").await;
    let calls = tokio::join!(pooled_laxly(), pooled_laxly(), pooled_laxly());
    let passed = [calls.0, calls.1, calls.2].iter().filter(|call| call.is_ok()).count();
    assert_eq!(passed, 2, "allowed is not unlimited");
    take_down(Kind::Idempotency, "away-store-lax").await;
    assert_eq!(once_laxly(1).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_limiter_whose_actor_is_down_gives_one_more_quota_and_no_more() {
    limited().await.unwrap();
    take_down(Kind::Limiter, "away-limit").await;
    let mut passed = 0;
    for _ in 0..10 {
        passed += u32::from(limited().await.is_ok());
    }
    assert_eq!(passed, 2);
}

static PROBED: Runs = Runs::new();

#[circuit_breaker("away-open", failure_threshold = 1, success_threshold = 2)]
async fn probed() -> Result<(), String> {
    let _running = PROBED.begin();
    Err("HTTP 503".to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_whose_actor_is_down_lets_its_probes_in_once_for_each_recovery_timeout() {
    assert!(probed().await.is_err());
    take_down(Kind::Breaker, "away-open").await;
    for (after, runs) in [(0, 1), (30, 3), (10, 3)] {
        seconds(after).await;
        for _ in 0..10 {
            assert!(probed().await.is_err());
        }
        assert_eq!(PROBED.all(), runs, "{after} s later");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_name_that_has_failed_and_it_is_tried_again_after_a_minute() {
    pooled().await.unwrap();
    take_down(Kind::Bulkhead, "away-pool").await;
    let (refused, took) = timed(pooled()).await;
    assert_eq!(took, Duration::ZERO);
    let again = refused.unwrap_err().retry_after().unwrap();
    assert!(again > Duration::from_secs(59) && again <= Duration::from_secs(60), "{again:?}");
    tokio::time::sleep(again).await;
    assert_eq!(pooled().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_actor_whose_mailbox_is_full_is_unavailable_at_once_and_follows_on_unavailable() {
    // What is granted in advance needs no mailbox.
    let asked = Runtime::builder().grants(steadfast::Grants::Off);
    let runtime = asked.isolated().environment([]).mailbox(1).build().unwrap();
    runtime
        .scope(async {
            pooled().await.unwrap();
            // What that call gave back has been read.
            millis(1).await;
            let calls = async { tokio::join!(pooled(), pooled(), pooled(), guarded(), guarded(), guarded()) };
            let ((first, second, third, a, b, c), took) = timed(calls).await;
            // The first one of a kind has the mailbox's only place.
            assert_eq!(first, Ok(()));
            refused_by(second, "bulkhead");
            refused_by(third, "bulkhead");
            assert_eq!((a, b, c), (Ok(()), Ok(()), Ok(())));
            assert!(took <= Duration::from_millis(12), "the handler takes ten of {took:?}");
        })
        .await;
    millis(1).await;
    assert_eq!(runtime.registry().bulkhead("away-pool").unwrap().in_use(), 0);
}

#[rate_limit(requests = 100, per = "hour", by = "user", name = "poisoned-limit")]
async fn by_user(msg: Message) -> Result<Message, Rejection> {
    Ok(msg)
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_key_is_refused_for_a_minute_whatever_is_declared_and_others_are_served() {
    let of = |user: &str| by_user(Message::builder().user_id(user).build());
    assert!(of("u1").await.is_ok());
    let limiter = Runtime::current().registry().limiter("poisoned-limit").unwrap();
    limiter.hosted().quarantine("user=u1");
    for _ in 0..2 {
        let refused = of("u1").await.map(drop);
        assert_eq!(refused.as_ref().unwrap_err().retry_after().map(|rest| rest.as_secs()), Some(60));
        refused_by(refused, "rate_limit");
        assert!(of("u2").await.is_ok());
    }
    // An outage does not free it either.
    take_down(Kind::Limiter, "poisoned-limit").await;
    refused_by(of("u1").await.map(drop), "rate_limit");
    assert!(of("u2").await.is_ok());
    seconds(60).await;
    assert!(of("u1").await.is_ok());
}
