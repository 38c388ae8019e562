//! Rate limiter: so many requests in so much time, for each key.
//!
//! ```text
//!   check --> cost above the capacity? --> refused for good, without retry_after
//!         --> fits?                    --> granted, spent at once
//!                                          or HELD until settled (spent) or given back (never happened)
//!         --> its turn comes within max_wait? --> queued, then granted in turn and HELD
//!         --> otherwise                --> refused, with the time after which it would be let in
//! ```
//!
//! | algorithm | what it promises | what it costs |
//! |---|---|---|
//! | `sliding_window` | never more than N in ANY window of that length | up to 256: every grant's time is kept, exact; above: 60 parts, a place may come back one part late, never early |
//! | `token_bucket` | at most `burst + rate * t` in any time t; refills evenly, in exact integers | up to twice the quota in the first period after a pause |
//! | `fixed_window` | at most N in each aligned window | 2N across an edge: N just before it and N just after |
//!
//! A window is half open: what was granted at 0.9 s stands in a window of 1 s until 1.9 s, and at 1.9 s no longer.
//!
//! | setting | default | why |
//! |---|---|---|
//! | `requests`, `per` | none: both are to be written | a quota that nobody wrote would be a guess |
//! | `algorithm` | `sliding_window` | the only one that keeps what people understand by "N a minute" |
//! | `burst` | = `requests` | a client that was silent for a whole period may use the whole quota at once |
//! | `by` | all callers share one quota | |
//! | `max_keys` | 100,000 | some fifteen megabytes of keys in ordinary use, and an outsider cannot make it more |
//! | `max_wait` | refuse at once | a caller that waits holds memory; whoever wants that says how long |
//! | `mode` | `enforce` | |
//! | `on_unavailable` | `allow` | a limiter that is down must not take the service with it |
//!
//! # Keys
//! The table holds at most `max_keys`. Only a key whose quota is whole again is dropped for a new one: whoever was
//! refused stays refused, however many other keys are sent. Where there is none, all new keys share one overflow
//! quota of the same size, which is counted and said once; a key that gets its own place while that quota is in use
//! starts from it, since it may have spent all of it. Nobody waits for the overflow quota.
//!
//! # Waiting
//! One line for each key, first come first served. Nobody overtakes it, and whoever would not be granted within its
//! patience is refused at once, with the time after which it would be, counted behind all who wait. A caller that
//! goes away leaves the line or gives back what it was granted, and the next one moves up at that very moment.
//!
//! # Grants in advance
//! What is left of a key that was asked for is leased to its callers for the present part of its window, and for a key of its
//! own from part to part, until more comes back; a refusal stands until then, too: both without a message. Quotas of which the time of every grant matters, `token_bucket` and
//! small sliding windows, grant one by one and refuse in advance. Who asks is counted by the same parts as who takes.
//!
//! # Several limiters, one decision
//! Each is asked with `hold`; when one refuses, what the others hold is given back, and it is as if the call had
//! never come. What is held longer than one window counts as spent.

#[cfg(feature = "host")]
mod checking;
mod config;
mod fixed_window;
#[cfg(feature = "host")]
mod gate;
#[cfg(feature = "host")]
mod granted;
mod grants;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod lease;
mod line;
mod machine;
#[cfg(feature = "host")]
mod outage;
mod quota;
#[cfg(feature = "host")]
mod reservation;
mod saved;
mod sliding_window;
mod table;
#[cfg(test)]
mod tests;
mod token_bucket;
mod usage;

pub use config::LimiterConfig;
#[cfg(feature = "host")]
pub use gate::LimiterGate;
#[cfg(feature = "host")]
pub use granted::Granted;
#[cfg(feature = "host")]
pub use handle::LimiterHandle;
pub use machine::{Decision, LimiterChange, LimiterInput, LimiterMachine, LimiterReply, LimiterStatus};
pub use quota::Algorithm;
#[cfg(feature = "host")]
pub use reservation::Reservation;
