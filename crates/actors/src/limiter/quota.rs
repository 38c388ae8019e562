use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Time};

/// How a quota is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// Never more than N in any window of that length.
    #[default]
    SlidingWindow,
    /// A bucket that refills evenly.
    TokenBucket,
    /// N per aligned window; 2N are possible across its edge.
    FixedWindow,
}

impl Algorithm {
    /// Every algorithm with its name in attributes and files.
    pub const NAMES: [(&'static str, Algorithm); 3] = [
        ("sliding_window", Algorithm::SlidingWindow),
        ("token_bucket", Algorithm::TokenBucket),
        ("fixed_window", Algorithm::FixedWindow),
    ];

    /// The algorithm's name in attributes and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, algorithm)| *algorithm == self)
            .map_or("sliding_window", |(name, _)| name)
    }
}

/// Up to this quota a sliding window keeps the time of every grant; 4 KiB a key at most.
const EXACT_UP_TO: u64 = 256;
/// A minute is counted by seconds, an hour by minutes: 1 KiB a key at most.
const SUB_WINDOWS: u64 = 60;

/// The numbers of a quota. All are above zero and small enough that no product below overflows 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) algorithm: Algorithm,
    pub(super) requests: u64,
    /// Nanoseconds.
    pub(super) per: u64,
    pub(super) burst: u64,
    /// What wall time was ahead of monotonic time when the machine began, so that aligned windows begin at full
    /// minutes. Read once: later jumps of the wall clock move nothing.
    pub(super) origin: u64,
}

impl Quota {
    pub(super) fn starting(mut self, moment: Moment) -> Self {
        self.origin = moment.wall.as_nanos().saturating_sub(moment.now.as_nanos());
        self
    }

    /// The most that can pass at once.
    pub(super) fn capacity(&self) -> u64 {
        match self.algorithm {
            Algorithm::TokenBucket => self.burst,
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.requests,
        }
    }

    /// The time after which a quota that was used up is whole again.
    pub(super) fn window(&self) -> Duration {
        match self.algorithm {
            Algorithm::TokenBucket => {
                let nanos = (u128::from(self.burst) * u128::from(self.per)).div_ceil(self.requests.into());
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            Algorithm::SlidingWindow | Algorithm::FixedWindow => Duration::from_nanos(self.per),
        }
    }

    /// The time as which a sliding window counts a grant at `now`: the time itself, or the end of its sub-window,
    /// which is the latest that anything in it can have happened.
    pub(super) fn counted_as(&self, now: Time) -> Time {
        if self.requests <= EXACT_UP_TO {
            return now;
        }
        let length = self.per.div_ceil(SUB_WINDOWS);
        Time::from_nanos((now.as_nanos() / length).saturating_add(1).saturating_mul(length))
    }

    /// When the aligned window around `now` ends.
    pub(super) fn edge(&self, now: Time) -> Time {
        let aligned = now.as_nanos().saturating_add(self.origin) / self.per;
        let edge = aligned.saturating_add(1).saturating_mul(self.per);
        if edge == u64::MAX { Time::MAX } else { Time::from_nanos(edge.saturating_sub(self.origin)) }
    }
}
