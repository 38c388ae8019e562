//! What a call gets, rule by rule, through the attributes as users write them.
//!
//! One file for each section of `docs/semantics.md`, which says which test holds which rule. Nobody builds a runtime here,
//! so every test has one of its own: the default of its tokio runtime, whose clock stands still until all wait.
#![allow(missing_docs, reason = "tests name a behaviour")]

mod breaker;
mod common;
mod deadlines;
mod identity;
mod outcomes;
mod retry;
