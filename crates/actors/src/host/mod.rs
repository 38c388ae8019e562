//! The one kameo actor that hosts any machine: a mailbox, one timer, and a cell that outlives its incarnations.
//!
//! ```text
//!   caller --ask--> mailbox --\
//!                              > Host: ledger first, then the message --> machine --> answers, events, status
//!   caller --note-> ledger ---/        (one timer: the machine's deadline)
//! ```
//!
//! * An ask never waits for room: a full mailbox is an answer, at once. Where it is answered, and the message that it goes
//!   in, are used again, so that it allocates nothing.
//! * What must not be lost (an outcome, a permit given back) is written to the handle's ledger first and needs no room
//!   in any mailbox; then the actor is poked. Drop paths use nothing else.
//! * What callers do without a message, on what was granted to them in advance, goes through the machine's
//!   [gate](crate::gate): taken before every input, published after every step.
//! * Machine and waiting callers live in a cell that outlives the actor. A machine decides on `&self`, so a panic
//!   leaves it as it was, and a restarted actor goes on with it: calls in flight and callers in line notice nothing.

mod actor;
mod alarm;
mod aside;
mod asks;
mod carry;
mod drill;
mod grants;
mod ground;
mod hosted;
#[cfg(feature = "interpose")]
pub mod interpose;
mod ledger;
mod load;
mod patience;
mod quarantine;
mod question;
mod reply;
mod slot;
#[cfg(test)]
mod tests;
mod traffic;
mod troubles;

pub use actor::Supervisor;
pub(crate) use aside::{Aside, Later, aside, later};
pub use ground::{Ground, HostOptions};
pub use hosted::Hosted;
pub use reply::{Answered, AskError, Reply};

/// So many cases of a property, or as many as `PROPTEST_CASES` says.
#[cfg(test)]
pub(crate) fn cases(short: u32) -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    let is_said = std::env::var_os("PROPTEST_CASES").is_some();
    proptest::test_runner::Config { cases: if is_said { config.cases } else { short }, ..config }
}
