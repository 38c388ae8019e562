use std::time::Duration;

use crate::clock::Time;
use crate::outcome::{Ending, ErrorKind, Health};

/// One call that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub now: Time,
    /// How long it held its permit.
    pub latency: Duration,
    /// How many held one when it ended, itself included.
    pub in_flight: u64,
    /// How.
    pub ended: Ended,
}

impl Ended {
    /// What an ending says of it.
    #[must_use]
    pub fn of(ending: Ending) -> Self {
        match ending {
            Ending::Success => Ended::Answered,
            Ending::TimedOut => Ended::Overloaded,
            Ending::Error(ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::RateLimit) => {
                Ended::Overloaded
            }
            Ending::Error(kind) if kind.health() == Health::Success => Ended::Answered,
            // A failure is often quicker than an answer: it would look like room.
            Ending::Error(_) | Ending::Rejected(_) | Ending::Panicked | Ending::Cancelled => Ended::Neutral,
        }
    }
}

/// What the end of a call says of how busy its dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It was answered, rightly or not: what it took tells.
    Answered,
    /// It was refused, or ran out of time.
    Overloaded,
    /// It was dropped, or failed for a reason of its own: nothing.
    Neutral,
}
