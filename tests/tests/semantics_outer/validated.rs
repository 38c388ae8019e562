//! Section 11: an invalid request is the caller's fault, and costs nobody anything.

use steadfast::actors::breaker::BreakerState;
use steadfast::prelude::*;

use super::common::breaker;
use super::support::Runs;

#[derive(serde::Serialize, serde::Deserialize, garde::Validate)]
struct Order {
    #[garde(range(min = 1))]
    amount: u32,
}

fn order(amount: u32) -> Message {
    let message = Message::builder().header("Idempotency-Key", "one-key");
    message.payload(&Order { amount }).unwrap().build()
}

static INSIDE: Runs = Runs::new();

#[validate]
#[retry(attempts = 3)]
#[fallback(instead)]
#[idempotent(key = "header:Idempotency-Key", name = "validated-inside")]
#[circuit_breaker("validated-inside", failure_threshold = 1)]
async fn inside(msg: Message) -> Result<u32, Rejection> {
    let _running = INSIDE.begin();
    Ok(msg.deserialize_payload::<Order>()?.amount)
}

async fn instead(_: Message) -> Result<u32, Rejection> {
    Ok(u32::MAX)
}

#[tokio::test(start_paused = true)]
async fn an_invalid_payload_is_not_retried_nor_counted_nor_answered_by_a_fallback_and_frees_its_key() {
    let refused = inside(order(0)).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.policy()), (422, "validate"));
    assert_eq!(INSIDE.all(), 1);
    assert_eq!(breaker("validated-inside").state(), BreakerState::Closed);
    assert_eq!(inside(order(7)).await, Ok(7));
}

static BEFORE: Runs = Runs::new();

#[validate(Order)]
#[fallback(instead)]
#[idempotent(key = "header:Idempotency-Key", name = "validated-before")]
async fn before(msg: Message) -> Result<u32, Rejection> {
    let _running = BEFORE.begin();
    Ok(msg.deserialize_payload::<Order>()?.amount)
}

#[tokio::test(start_paused = true)]
async fn with_a_type_it_checks_before_anything_else_runs() {
    let refused = before(order(0)).await.unwrap_err();
    assert_eq!((refused.http_status(), BEFORE.all()), (422, 0));
    let store = Runtime::current().registry().idempotency("default").unwrap();
    assert_eq!(store.status().records, 0);
    assert_eq!((before(order(7)).await, BEFORE.all()), (Ok(7), 1));
    assert_eq!(store.status().records, 1);
}
