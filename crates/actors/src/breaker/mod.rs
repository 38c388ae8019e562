//! Circuit breaker: stops calling a dependency that fails, and finds out with a few probes when it works again.
//!
//! ```text
//!            failures >= threshold (and rate, with enough calls)
//!   CLOSED ------------------------------------------------------> OPEN
//!     ^ \ slow start: calls in flight                              |  recovery_timeout over, next call
//!     |  `----------------.                                        v
//!     '----- success_threshold successes in a row ----------- HALF OPEN -- one failure --> OPEN
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `failure_threshold` | 5 where no rate is written | five failures in ten calls are no accident |
//! | `window` | 10 requests, or as many as the thresholds need | rolls call by call, never tumbles |
//! | `minimum_requests` | min(10, window) | a rate over fewer calls is noise |
//! | `recovery_timeout` | 30 s | long enough for a restart, short enough for a person who waits |
//! | `success_threshold`, `half_open_permits` | 3 | one lucky answer does not close it |
//! | `probe_timeout` | the attempt's timeout, else what is left of its deadline, else `recovery_timeout` | a probe that hangs has failed |
//! | `jitter` | off | a tenth more or less of the open time, for processes that share the dependency |
//! | `slow_start` | 10 s | a dependency that just came back is not hit by all callers at once |
//!
//! With `by` each shard, host or caller has a breaker of its own under the one name: one actor decides for all of
//! them, at most 10,000 at once. A key whose breaker is as good as new gives its place up; if there is none, the keys
//! beyond share one.
//!
//! What was admitted in an older epoch neither closes, opens nor extends anything. Comparisons are `>=`, after every
//! recorded outcome, as in resilience4j.

#[cfg(feature = "host")]
mod call;
#[cfg(feature = "host")]
mod calling;
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "without actors nobody takes what they grant"))]
mod cell;
mod config;
#[cfg_attr(
    not(feature = "host"),
    allow(unused_imports, reason = "without actors nobody takes what they grant")
)]
mod gate;
#[cfg(feature = "host")]
mod granted;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod keyed;
mod machine;
#[cfg(feature = "host")]
mod permit;
mod protocol;
#[cfg(test)]
mod tests;
mod window;

#[cfg(feature = "host")]
pub use call::CallError;
pub use config::BreakerConfig;
pub use gate::BreakerGate;
#[cfg(feature = "host")]
pub use granted::Granted;
#[cfg(feature = "host")]
pub use handle::BreakerHandle;
pub use keyed::{KeyedBreakerMachine, KeyedChange, KeyedInput, KeyedStatus, MAX_KEYS, Unsettled};
pub use machine::{BreakerChange, BreakerMachine};
#[cfg(feature = "host")]
pub use permit::BreakerPermit;
pub use protocol::{BreakerInput, BreakerReply, BreakerState, BreakerStatus, Force};
pub use window::{Counts, Span};
