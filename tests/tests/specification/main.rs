//! Every block of the macros' specification (`docs/resilience-macros.md`), compiled as it is printed, with its users'
//! functions and types stubbed, and taken through success, failure and refusal in virtual time.

#![allow(unreachable_pub, reason = "the specification's handlers are public")]

mod breakers;
mod bulkheads;
mod complete;
mod degradation;
mod idempotency;
mod integration;
mod limits;
mod practices;
mod retries;
mod stub;
mod timeouts;
mod verbatim;

use serde_json::{Value, json};
use steadfast::prelude::*;

/// A message of user `u1` with a payload that every stubbed request type can be read from.
fn message() -> Message {
    message_of("u1")
}

fn message_of(user: &str) -> Message {
    let builder =
        Message::builder().user_id(user).api_key("k1").path_param("id", "7").query_param("product_id", "7");
    builder.payload(&json!({ "amount": 3 })).expect("a payload").build()
}

/// What was answered, as JSON.
fn payload(answer: &RpcResponse) -> Value {
    answer.payload().expect("an answer's payload is JSON")
}

/// A request of which nothing but its being there matters.
#[derive(Clone, Debug, serde::Deserialize)]
struct AnyRequest {
    #[expect(dead_code, reason = "it only must be readable")]
    amount: u64,
}
