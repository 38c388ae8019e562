//! What a call gets, rule by rule, through the public attributes: limits, pools, idempotency, fallbacks, crashes, HTTP.
//! `docs/semantics-outer.md` says which test holds which rule.
#![allow(missing_docs, reason = "tests name a behaviour")]

mod crashes;
mod support;
mod unavailable;
