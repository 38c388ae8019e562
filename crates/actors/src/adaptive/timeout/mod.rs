//! Adaptive timeout: how long an attempt may take, learned from what recent ones needed.
//!
//! ```text
//!   success --> sketch of recent latencies --> twice its 99.9 % quantile, or that of this hour on other days
//!                                                   | approached by adjustment_factor a sample
//!   cut ------> at once twice what cut it ----------+--> learned, never below the 99.9 % quantile
//!                                                   |
//!   processors above 80 % busy: up to twice --------+
//!   how late the runtime is: so much more ----------+--> never above max_timeout --> the attempt's limit
//!   a probe of the dependency's breaker: base at least
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `base_timeout` | 5 s | where it starts: long enough for nearly everything, short enough to notice |
//! | `max_timeout` | 30 s, or the base where that is longer | what callers bear at most |
//! | `adjustment_factor` | 0.1 | of the way to its target with each sample: a tenth of what is too much is left after 22 |
//! | samples before it moves down | 20 | a quantile of fewer is one of luck |
//! | target | twice the 99.9 % quantile | the limit is for what hangs, not for what is a little late |
//! | after a cut | at once twice the limit that cut it | a success is the only proof that it suffices, and a cut call can't give it: without this, a service that became slower would be cut for ever |
//! | shortest | 10 ms | a busy scheduler alone takes that |
//!
//! What a probe of a half-open breaker gets is never below the base: what was learned was learned from the dependency
//! as it was before, and a probe that is cut too soon keeps it locked out.
//!
//! The profile has a quantile for each hour of the day (UTC), blended half and half with each day. It holds from the
//! first call of an hour on, before the recent ones can show what that hour is like, and never lowers a limit.
//!
//! Nothing is asked of its actor before a call: the limit is what it published last, whoever cannot answer.

mod config;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod machine;
mod profile;
mod status;
#[cfg(test)]
mod tests;

pub use config::AdaptiveTimeout;
#[cfg(feature = "host")]
pub use handle::AdaptiveHandle;
pub use machine::{AdaptiveChange, AdaptiveInput, AdaptiveMachine};
pub use status::AdaptiveStatus;
