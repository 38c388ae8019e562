use std::num::NonZeroU64;
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

    /// The length of the parts by which a window is counted; `None` where the time of every grant matters.
    ///
    /// Callers that were granted something in advance do not say when in a part they used it. Whoever asks is counted
    /// by the same parts, so that both get the same answers.
    pub(super) fn part_length(&self) -> Option<NonZeroU64> {
        match self.algorithm {
            Algorithm::SlidingWindow if self.requests > EXACT_UP_TO => {
                NonZeroU64::new(self.per.div_ceil(SUB_WINDOWS))
            }
            Algorithm::FixedWindow => NonZeroU64::new(self.per),
            Algorithm::SlidingWindow | Algorithm::TokenBucket => None,
        }
    }

    /// The number of the part around `now`; `None` where there are no parts.
    pub(super) fn part_at(&self, now: Time) -> Option<u64> {
        Some(now.as_nanos().saturating_add(self.shift()) / self.part_length()?)
    }

    /// When that part begins, and when the next one does.
    pub(super) fn part(&self, number: u64) -> (Time, Time) {
        let length = self.part_length().map_or(self.per, NonZeroU64::get);
        let edge = |number: u64| match number.saturating_mul(length) {
            u64::MAX => Time::MAX,
            edge => Time::from_nanos(edge.saturating_sub(self.shift())),
        };
        (edge(number), edge(number.saturating_add(1)))
    }

    /// When more is left again, if one is used now of a quota that is whole. For quotas with parts.
    pub(super) fn first_more_at(&self, now: Time) -> Time {
        match self.algorithm {
            Algorithm::FixedWindow => self.edge(now),
            Algorithm::SlidingWindow | Algorithm::TokenBucket => self.leaves_at(now),
        }
    }

    /// By how much parts are shifted against monotonic time: aligned windows follow the wall.
    fn shift(&self) -> u64 {
        if self.algorithm == Algorithm::FixedWindow { self.origin } else { 0 }
    }

    /// When a grant at `now` leaves a sliding window: one length after it, or after the end of its part, which is the
    /// latest that anything in it can have happened. A window of parts is a whole number of them, so that what leaves
    /// it leaves at an edge.
    pub(super) fn leaves_at(&self, now: Time) -> Time {
        match self.part_length() {
            None => now.after(self.window()),
            Some(length) => {
                let edge = (now.as_nanos() / length).saturating_add(1).saturating_mul(length.get());
                Time::from_nanos(edge.saturating_add(length.get().saturating_mul(SUB_WINDOWS)))
            }
        }
    }

    /// Until when a grant at `now` may be given back: as long as it stands.
    pub(super) fn given_back_until(&self, now: Time) -> Time {
        match self.algorithm {
            Algorithm::SlidingWindow => self.leaves_at(now),
            Algorithm::TokenBucket | Algorithm::FixedWindow => now.after(self.window()),
        }
    }

    /// The first edge of a part at or after `time`, or `time` itself where there are no parts.
    pub(super) fn edge_from(&self, time: Time) -> Time {
        match self.part_length() {
            None => time,
            Some(length) => {
                Time::from_nanos(time.as_nanos().div_ceil(length.get()).saturating_mul(length.get()))
            }
        }
    }

    /// When the aligned window around `now` ends.
    pub(super) fn edge(&self, now: Time) -> Time {
        let aligned = now.as_nanos().saturating_add(self.origin) / self.per;
        let edge = aligned.saturating_add(1).saturating_mul(self.per);
        if edge == u64::MAX { Time::MAX } else { Time::from_nanos(edge.saturating_sub(self.origin)) }
    }
}
