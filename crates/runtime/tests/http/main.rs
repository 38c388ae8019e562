//! HTTP over real sockets: what a client sends and what it gets.
#![cfg(feature = "http")]
#![allow(missing_docs, reason = "tests name a behaviour")]

mod calls;
mod client;
mod crashes;
mod deadlines;
mod embedded;
mod idempotent;
mod limits;
mod measured;
mod plain_answers;
mod requests;
mod shutdown;
#[cfg(feature = "jwt")]
mod users;
