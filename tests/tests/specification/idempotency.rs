//! `idempotent`.

use steadfast::prelude::*;

use crate::stub::{self, Does};
use crate::{message_of, payload};

include!("blocks/idempotent.rs");

async fn confirm_order_processing(order: String) -> Result<String, String> {
    stub::run("confirm").await.map(|run| format!("{order} confirmed by run {run}"))
}

fn of_order(order: &str, user: &str) -> Message {
    let builder = Message::builder().route("POST", "/orders/:id/confirm");
    builder.user_id(user).path_param("id", order).build()
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_is_answered_by_the_first_run() {
    let first = confirm_order(of_order("7", "u1")).await.unwrap();
    let again = confirm_order(of_order("7", "u1")).await.unwrap();
    assert_eq!(payload(&first), payload(&again));
    assert!(again.is_replayed() && !first.is_replayed());
    assert_eq!(stub::runs("confirm"), 1);
}

#[tokio::test(start_paused = true)]
async fn another_order_and_another_user_are_runs_of_their_own() {
    for (order, user) in [("7", "u1"), ("8", "u1"), ("7", "u2")] {
        assert!(!confirm_order(of_order(order, user)).await.unwrap().is_replayed());
    }
    assert_eq!(stub::runs("confirm"), 3);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_one_run_and_a_failure_leaves_the_key_free() {
    stub::set("confirm", Does::Fails("HTTP 503"));
    assert!(confirm_order(message_of("u1")).await.is_err());
    assert_eq!(stub::runs("confirm"), 3);
    stub::set("confirm", Does::Succeeds);
    assert!(!confirm_order(message_of("u1")).await.unwrap().is_replayed());
}

#[tokio::test(start_paused = true)]
async fn while_it_runs_a_second_one_is_refused() {
    stub::set("confirm", Does::Takes(500));
    let calls = [confirm_order(of_order("7", "u1")), confirm_order(of_order("7", "u1"))];
    let answers = stub::together(calls).await;
    assert!(answers[0].is_ok());
    let refusal = answers[1].as_ref().unwrap_err();
    assert!(refusal.starts_with("idempotency store"), "{refusal}");
    assert_eq!(stub::runs("confirm"), 1);
}
