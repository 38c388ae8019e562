//! The complete stack.

#![allow(unused_variables, reason = "the printed fallback does not look at its message")]

use std::time::Duration;

use garde::Validate;
use steadfast::prelude::*;

use crate::payload;
use crate::stub::{self, Does};

#[derive(serde::Deserialize, Validate)]
pub struct CriticalOperationRequest {
    #[garde(range(max = 10))]
    amount: u32,
}

include!("blocks/complete_stack.rs");

async fn perform_critical_operation(request: CriticalOperationRequest) -> Result<u32, String> {
    stub::run("operation").await.map(|run| run * 100 + request.amount)
}

fn of(amount: u32) -> Message {
    let builder = Message::builder().user_id("u1").route("POST", "/critical-operation");
    builder.payload(&json!({ "amount": amount })).unwrap().build()
}

#[tokio::test(start_paused = true)]
async fn a_success_is_stored_and_replayed() {
    let first = critical_operation(of(3)).await.unwrap();
    let again = critical_operation(of(3)).await.unwrap();
    assert_eq!((payload(&first), payload(&again)), (json!(103), json!(103)));
    assert!(again.is_replayed());
}

#[tokio::test(start_paused = true)]
async fn three_failed_attempts_open_the_breaker_and_the_fallback_answers() {
    stub::set("operation", Does::Fails("HTTP 503"));
    for amount in 1..=3 {
        let answer = critical_operation(of(amount)).await.unwrap();
        assert!(answer.is_degraded());
        assert_eq!(payload(&answer)["status"], "degraded");
    }
    assert_eq!(stub::runs("operation"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_answer_is_not_stored() {
    stub::set("operation", Does::Fails("HTTP 500"));
    assert!(critical_operation(of(3)).await.unwrap().is_degraded());
    stub::set("operation", Does::Succeeds);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let answer = critical_operation(of(3)).await.unwrap();
    assert!(!answer.is_degraded() && !answer.is_replayed());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_valid_is_refused_and_neither_tried_again_nor_covered_up() {
    let refusal = critical_operation(of(11)).await.unwrap_err();
    assert!(refusal.starts_with("not valid: amount"), "{refusal}");
    assert_eq!(stub::runs("operation"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_hundred_and_first_call_of_an_hour_is_refused_and_not_covered_up() {
    for amount in 0..100 {
        assert!(critical_operation(of(amount % 10)).await.is_ok());
    }
    assert!(critical_operation(of(1)).await.unwrap_err().starts_with("rate limit"));
}
