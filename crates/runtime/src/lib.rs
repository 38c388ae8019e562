//! Steadfast: an actor-based resilience runtime. This is the crate that users name.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`runtime`] | the runtime: registry, clock, seed, settings |
//! | [`pipeline`] | the layers of an annotated call, their order, and the one place that runs them |
//! | [`observe`] | metrics, the audit trail and the log of events |
//! | [`outcome`] | what a handler's result means to the layers |
//! | [`config`] | `steadfast.toml` and the environment |
//! | [`mod@bulkhead`] | what a handler does with the permit that it runs under |
//! | [`degradation`] | what is down while a handler runs anyway |
//! | [`idempotency`] | the key under which a call runs once |
//! | [`deadline`] | how long a call may take, and how that travels between processes |
//! | [`snapshots`] | the file of what outlives the process |
//! | [`service`] | requests, answers, who calls, and the HTTP server |
//! | [`mod@retry`] | which failures are repeated, after which wait, and how many a budget pays for |

#![forbid(unsafe_code)]

#[allow(unused_extern_crates, reason = "what the attributes expand to names the crate as its users do")]
extern crate self as steadfast;

#[cfg(test)]
#[macro_use]
mod test_site;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod ambient;
pub mod bulkhead;
pub mod config;
pub mod deadline;
pub mod degradation;
pub mod idempotency;
mod integrations;
mod lock;
pub mod observe;
pub mod outcome;
pub mod pipeline;
pub mod prelude;
pub mod retry;
pub mod runtime;
pub mod service;
pub mod snapshots;
mod spawn;

pub use bulkhead::Bulkhead;
pub use degradation::Degradation;
pub use outcome::Classify;
pub use runtime::{Grants, Runtime, RuntimeBuilder};
pub use service::{Message, RpcResponse};
pub use spawn::spawn;
/// The primitives themselves, for code that names settings, states and handles.
pub use steadfast_actors as actors;
pub use steadfast_actors::outcome::ErrorKind;
pub use steadfast_actors::rejection::{Rejection, RejectionKind};
pub use steadfast_macros::Classify;
pub use steadfast_macros::{
    adaptive_timeout, audit_log, bulkhead, bulkhead_priority, circuit_breaker, degrade_gracefully, fallback,
    hedge, idempotent, metrics, rate_limit, require_auth, retry, service_method, shed, throttle, timeout,
    timeout_cascade, validate,
};
