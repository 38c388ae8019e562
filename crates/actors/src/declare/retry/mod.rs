//! What `#[retry]` may declare, and what follows from it alone: the waits, the budget, which endings are repeated.
//!
//! The machine of retries has no actor: a call keeps its own count, and only the budget is shared. Everything here is
//! pure: the time, and the stream that jitter is drawn from, come as arguments.

mod backoff;
mod budget;
mod classify;
mod config;
#[cfg(test)]
mod tests;

pub use backoff::{Backoff, BackoffFunction, Strategy};
pub use budget::{BudgetConfig, RetryBudget};
pub use classify::{RetryRules, is_repeated_by_default};
pub use config::{Nested, RetryConfig};
