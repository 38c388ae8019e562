//! Section 9: which failures a fallback answers, and what it leaves alone.

use std::time::Duration;

use steadfast::ErrorKind;
use steadfast::actors::breaker::BreakerState;
use steadfast::actors::machine::Kind;
use steadfast::pipeline::Failure;
use steadfast::prelude::*;

use super::common::breaker;
use super::support::{Runs, millis, seconds, take_down, timed};

type Answer = Result<String, String>;

async fn why(_: u64, failure: &Failure<String>) -> Answer {
    let policy = failure.rejection.as_ref().map_or("handler", |rejection| rejection.policy());
    Ok(format!("{policy}: {}", failure.kind))
}

async fn fail(text: &str) -> Answer {
    Err(text.to_owned())
}

#[fallback(why)]
#[circuit_breaker("answered-open", failure_threshold = 1)]
async fn behind_a_breaker(_order: u64) -> Answer {
    fail("HTTP 503").await
}

#[fallback(why)]
#[bulkhead("answered-full", capacity = 1, queue = 1, max_wait = "10ms")]
async fn behind_a_pool(millis_taken: u64) -> Answer {
    millis(millis_taken).await;
    Ok("done".to_owned())
}

#[fallback(why)]
#[timeout("1s")]
async fn in_time(seconds_taken: u64) -> Answer {
    seconds(seconds_taken).await;
    Ok("done".to_owned())
}

#[fallback(why)]
#[retry(attempts = 2, jitter = false)]
async fn twice(status: u64) -> Answer {
    fail(&format!("HTTP {status}")).await
}

#[fallback(why)]
async fn plain(status: u64) -> Answer {
    assert_ne!(status, 0, "it panics");
    fail(&format!("HTTP {status}")).await
}

#[tokio::test(start_paused = true)]
async fn it_answers_open_full_timeout_unavailable_used_up_attempts_and_panics() {
    let is = |answer: Answer, text: &str| assert_eq!(answer.as_deref(), Ok(text));
    is(behind_a_breaker(1).await, "handler: unavailable");
    is(behind_a_breaker(1).await, "circuit_breaker: unavailable");
    let holder = tokio::spawn(behind_a_pool(50));
    millis(1).await;
    is(behind_a_pool(1).await, "bulkhead: unavailable");
    is(holder.await.unwrap(), "done");
    take_down(Kind::Bulkhead, "answered-full").await;
    is(behind_a_pool(1).await, "bulkhead: unavailable");
    is(in_time(2).await, "timeout: timeout");
    is(twice(502).await, "handler: server_error");
    is(plain(500).await, "handler: server_error");
    is(plain(429).await, "handler: rate_limit");
    is(plain(0).await, "handler: unknown");
}

#[tokio::test(start_paused = true)]
async fn it_leaves_the_callers_fault_alone() {
    for status in [400, 401, 403, 404, 409, 422] {
        assert_eq!(plain(status).await, Err(format!("HTTP {status}")));
        assert_eq!(twice(status).await, Err(format!("HTTP {status}")));
    }
}

static GUARDED: Runs = Runs::new();

#[derive(serde::Deserialize, garde::Validate)]
struct Order {
    #[garde(range(min = 1))]
    amount: u32,
}

async fn never(_: Message) -> Result<u32, Rejection> {
    Ok(u32::MAX)
}

#[fallback(never)]
#[rate_limit(requests = 5, per = "hour", by = "user", name = "unanswered")]
#[idempotent(key = "header:Idempotency-Key", name = "unanswered")]
#[validate(Order)]
async fn unanswered(msg: Message) -> Result<u32, Rejection> {
    let _running = GUARDED.begin();
    seconds(1).await;
    msg.deserialize_payload::<Order>().map(|order| order.amount)
}

#[fallback(never)]
#[require_auth]
async fn unanswered_stranger(_msg: Message) -> Result<u32, Rejection> {
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn it_leaves_our_own_rate_limit_authentication_validation_and_conflict_alone() {
    let order = |key: &str, amount: u32| {
        let message = Message::builder().user_id("u1").header("Idempotency-Key", key);
        message.payload(&json!({ "amount": amount })).unwrap().build()
    };
    let refused = |result: Result<u32, Rejection>| result.unwrap_err().http_status();
    assert_eq!(refused(unanswered(order("k1", 0)).await), 422);
    let (one, other) = tokio::join!(unanswered(order("k1", 1)), unanswered(order("k1", 1)));
    let (ran, conflict) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!((ran, refused(conflict)), (Ok(1), 409));
    assert_eq!(refused(unanswered(order("k1", 2)).await), 422);
    assert_eq!(refused(unanswered(order("k 2", 1)).await), 400);
    assert_eq!(refused(unanswered(order("k3", 1)).await), 429);
    assert_eq!(refused(unanswered_stranger(Message::builder().build()).await), 401);
    assert_eq!(GUARDED.all(), 1);
}

#[fallback("too_slow")]
async fn fails_twice(_how: u64) -> Answer {
    fail("connection refused").await
}

async fn too_slow(how: u64) -> Answer {
    match how {
        0 => panic!("the fallback panics"),
        1 => fail("HTTP 404").await,
        _ => {
            seconds(how).await;
            Ok("late".to_owned())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_fails_panics_or_takes_too_long_the_caller_gets_the_original_failure() {
    for how in [0, 1, 2] {
        assert_eq!(fails_twice(how).await, Err("connection refused".to_owned()), "{how}");
    }
    let (_, took) = timed(fails_twice(60)).await;
    assert_eq!(took, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_below_it_still_sees_the_failure() {
    assert!(behind_a_breaker(1).await.is_ok());
    assert_eq!(breaker("answered-open").state(), BreakerState::Open);
}

static ATTEMPTS: Runs = Runs::new();
static FALLBACKS: Runs = Runs::new();

#[fallback(counted)]
#[retry(attempts = 3, jitter = false)]
#[circuit_breaker("counted")]
async fn always_fails() -> Answer {
    let _running = ATTEMPTS.begin();
    fail("HTTP 503").await
}

async fn counted() -> Answer {
    let _running = FALLBACKS.begin();
    Ok("answered".to_owned())
}

#[tokio::test(start_paused = true)]
async fn it_stands_outside_the_retries_and_runs_once() {
    assert_eq!(always_fails().await.as_deref(), Ok("answered"));
    assert_eq!((ATTEMPTS.all(), FALLBACKS.all()), (3, 1));
}

#[fallback("why", on = ["open", "not_found"])]
#[circuit_breaker("named-kinds", failure_threshold = 1)]
async fn named_kinds(status: u64) -> Answer {
    fail(&format!("HTTP {status}")).await
}

#[tokio::test(start_paused = true)]
async fn where_kinds_are_named_it_runs_on_these_alone() {
    assert_eq!(named_kinds(404).await, Ok(format!("handler: {}", ErrorKind::NotFound)));
    assert_eq!(named_kinds(503).await, Err("HTTP 503".to_owned()));
    assert_eq!(named_kinds(503).await.as_deref(), Ok("circuit_breaker: unavailable"));
}

#[fallback("forwarded")]
async fn forwards(_order: u64) -> Answer {
    // A refusal of a callee's quota is no failure of this handler's own.
    used_up().await
}

#[rate_limit(requests = 1, per = "hour", name = "used-up-inside")]
async fn used_up() -> Answer {
    Ok("first".to_owned())
}

async fn forwarded(_: u64) -> Answer {
    Ok("fallback".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_of_ours_further_in_is_passed_on_and_not_answered() {
    assert_eq!(forwards(1).await.as_deref(), Ok("first"));
    let refused = forwards(1).await.unwrap_err();
    assert!(refused.starts_with("rate limit \"used-up-inside\""), "{refused}");
}
