//! Retry: runs a call again when its failure is one that may pass, after a wait that spares the dependency.
//!
//! ```text
//!   run 1 -- fails --> may this kind be repeated? -- yes --> attempts left? -- yes --> a token in the budget?
//!     ^                        | no                              | no                        | no    | yes
//!     |                        v                                 v                           v       |
//!     |                  the error, at once               the last error              the last error |
//!     '------ wait: full jitter in 0..=bound, or the longer Retry-After <----------------------------'
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `attempts` | 3, the first included | two repeats outlive a blip; more of them only outlast the caller's patience |
//! | `strategy` | exponential, `multiplier` 2 | the longer it lasts, the rarer a repeat helps |
//! | `base_delay`, `max_delay` | 1 s, 30 s | a restart's first second; nobody waits longer than half a minute |
//! | `jitter` | full | callers that failed together do not come back together |
//! | `retry_on` | timeout, connection_error, rate_limit, server_error, unavailable, unknown | what may pass; never the caller's fault, never our own open, full or shed |
//! | `budget` | `{ ratio = 0.2, min = "10/s", cap = 100 }` | a fifth more load at most, while a small service can still retry |
//! | `nested` | once | retries inside retries multiply |
//!
//! Everything here is pure: the time, and the stream that jitter is drawn from, come as arguments.

mod retry_after;
mod shared;
#[cfg(test)]
mod tests;
mod text;

pub use retry_after::{Wait, next_wait, parse_retry_after};
pub(crate) use shared::SharedBudget;
pub use steadfast_actors::declare::retry::{
    Backoff, BackoffFunction, BudgetConfig, Nested, RetryBudget, RetryConfig, RetryRules, Strategy,
    is_repeated_by_default,
};
pub use text::{kind_of_status, kind_of_text};
