//! Idempotency store: one key, one run; whoever repeats it gets the first one's result.
//!
//! ```text
//!                                 returned an error, or never polled
//!            .--------------------------------------------------------------------.
//!            v                                                                    |
//!   ABSENT --- begin ---> IN FLIGHT (lease of its owner, renewed) --- complete ---> DONE: replay, or
//!     ^                      |   ^                                                  |     "result not kept"
//!     |     cut, or its lease|   | the owner was only slow,                         | ttl
//!     |     ended            v   | or on_unknown = "rerun"                          v
//!     '--- unknown_ttl --- UNKNOWN --- an operator resolves ---> ABSENT or DONE   ABSENT
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `store` | `"default"` | sites share one table and one bound on memory |
//! | `key` | fingerprint of the call | works for clients that send no key |
//! | `ttl` | 24 h | as long as clients repeat a request (IETF draft, Stripe) |
//! | `fingerprint_ttl` | 60 s | without a key a second intended order must not be swallowed |
//! | `unknown_ttl` | 15 min | time for a person, or a reconciliation, to find out |
//! | `on_conflict` | `reject` | a call that waits holds memory and a connection |
//! | `on_unknown` | `reject` | running twice is what the key was sent to prevent |
//! | `unknown_on` | none | a handler that returned has decided |
//! | `max_records` | 100,000 | live records are never evicted: a full store refuses |
//! | `max_result` | 64 KiB | larger ones are delivered once; a repeat is told so and does not run |
//! | `store_errors` | false | an error is no result; the key is free again |
//! | `on_unavailable` | `reject` | a store that is down must not let a payment run twice |
//!
//! # Time
//! Records live by wall time, so that a restart or a suspended machine does not keep them longer; leases and waits
//! end by monotonic time, which no operator can set. Records that are over are dropped as new ones come.
//!
//! # Messages
//! Beginning is a question to the actor. How a run ended is left for it to find: it reads what was left before whatever it
//! is asked next, as of the time at which it was left, so that nobody can overtake it. It is told at once where somebody
//! waits for a run, where 64 outcomes stand there, where an outcome is unknown, and always where nothing is granted in
//! advance.
//!
//! # Fencing
//! The owner of a run is a ticket. What a ticket reports counts only while no other has taken its place: an owner
//! that let its lease lapse may still say what became of its run, until another run has begun.

mod codec;
mod config;
#[cfg(feature = "host")]
mod gate;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod kept;
mod key;
mod machine;
mod message;
mod record;
#[cfg(feature = "host")]
mod run;
mod saved;
mod table;
#[cfg(test)]
mod tests;
mod waiters;

pub use codec::Codec;
pub use config::{IdempotencyConfig, Idempotent, KeySource, OnConflict, Terms};
#[cfg(feature = "host")]
pub use gate::IdempotencyGate;
#[cfg(feature = "host")]
pub use handle::{Begun, IdempotencyHandle};
pub use key::{Fingerprint, KeySpace, Principal, RecordKey, Scope, fingerprint};
pub use machine::{IdempotencyChange, IdempotencyMachine};
pub use message::{IdempotencyInput, IdempotencyReply, IdempotencyStatus, Resolution};
#[cfg(feature = "host")]
pub use run::Run;
