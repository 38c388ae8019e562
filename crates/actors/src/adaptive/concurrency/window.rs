use std::time::Duration;

use super::sample::{Ended, Sample};
use crate::clock::{Time, saturating_nanos};

/// A mean of fewer calls is luck.
const LEAST: u64 = 16;

/// What came in one window of calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    began: Time,
    calls: u64,
    nanos: u128,
    answered: u64,
    overloads: u64,
    most: u64,
}

/// A window that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The mean latency of those that were answered, in nanoseconds; `None` where nobody was.
    pub(super) latency: Option<u64>,
    /// Whether any was refused or ran out of time.
    pub(super) overloaded: bool,
    /// The most calls at once.
    pub(super) most: u64,
}

impl Seen {
    /// Whether calls pressed against the limit: nine tenths of it at least.
    pub(super) fn presses(&self, limit: u64) -> bool {
        self.most * 10 >= limit * 9
    }
}

impl Window {
    pub(super) fn new(now: Time) -> Self {
        Window { began: now, calls: 0, nanos: 0, answered: 0, overloads: 0, most: 0 }
    }

    /// Takes one call; what came so far where that fills it.
    pub(super) fn take(&mut self, sample: Sample, limit: u64) -> Option<Seen> {
        self.most = self.most.max(sample.in_flight);
        match sample.ended {
            Ended::Answered => {
                self.answered += 1;
                self.nanos += u128::from(saturating_nanos(sample.latency));
            }
            Ended::Overloaded => self.overloads += 1,
            Ended::Neutral => return None,
        }
        self.calls += 1;
        let latency = (self.answered > 0)
            .then(|| u64::try_from(self.nanos / u128::from(self.answered)).unwrap_or(u64::MAX));
        let trip = Duration::from_nanos(latency.unwrap_or(0));
        // What was admitted before the last change must have left.
        let full = self.calls >= LEAST.max(limit * 2) && sample.now.since(self.began) >= trip;
        if !full {
            return None;
        }
        let seen = Seen { latency, overloaded: self.overloads > 0, most: self.most };
        *self = Window::new(sample.now);
        Some(seen)
    }
}
