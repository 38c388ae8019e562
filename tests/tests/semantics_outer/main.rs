//! What a call gets, rule by rule, through the public attributes: limits, pools, idempotency, fallbacks, crashes, HTTP.
//! `docs/semantics-outer.md` says which test holds which rule.
#![allow(missing_docs, reason = "tests name a behaviour")]

mod audited;
#[allow(dead_code, reason = "the server's own tests need more of it")]
#[path = "../../../crates/runtime/tests/http/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests of the inner rules need more of it")]
#[path = "../semantics/common.rs"]
mod common;
mod crashes;
mod degraded;
mod fallbacks;
mod http;
mod limits;
mod once;
mod pools;
mod startup;
mod support;
mod table;
mod unavailable;
mod validated;
