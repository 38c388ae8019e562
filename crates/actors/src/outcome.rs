//! What a call came to: the words that breakers, retries, limiters and stores share.

mod error_kind;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error_kind::{ErrorKind, Health};

use crate::rejection::RejectionKind;

/// How one attempt ended, as a layer reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    /// A result that no layer objects to.
    Success,
    /// An error of the handler, or an `Ok` that carries a 5xx.
    Error(ErrorKind),
    /// A refusal of our own further in: it says nothing of the dependency.
    Rejected(RejectionKind),
    /// Cut by one of our own timeouts, or dropped after its deadline.
    TimedOut,
    /// The handler panicked.
    Panicked,
    /// Dropped by its caller.
    Cancelled,
}

impl Ending {
    /// The kind under which `retry_on`, `on` and `record_on` see this ending; `None` for a success.
    #[must_use]
    pub fn error_kind(self) -> Option<ErrorKind> {
        match self {
            Ending::Success => None,
            Ending::Error(kind) => Some(kind),
            Ending::Rejected(kind) => Some(kind.error_kind()),
            Ending::TimedOut => Some(ErrorKind::Timeout),
            Ending::Panicked => Some(ErrorKind::Unknown),
            Ending::Cancelled => Some(ErrorKind::Cancelled),
        }
    }
}

/// What a caller reports of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// How long it ran, counted from the innermost permit that it had to wait for: our own queue never makes a
    /// dependency look slow.
    pub latency: Duration,
}
