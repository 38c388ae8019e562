use serde::{Deserialize, Serialize};

use super::fixed_window::FixedWindow;
use super::quota::{Algorithm, Quota};
use super::sliding_window::SlidingWindow;
use super::token_bucket::TokenBucket;
use crate::clock::{Time, saturating_nanos};

/// Which grant is meant when one is settled or given back; each algorithm puts into it what finds the grant again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) u64);

/// A part of a quota that was spent, and in how many nanoseconds it is back: what is written to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spent {
    pub(super) amount: u64,
    pub(super) back_in: u64,
}

/// What one key has used of its quota.
#[derive(Clone, Debug)]
pub(super) enum Usage {
    Sliding(SlidingWindow),
    /// Larger than the others, and boxed so that those take no more room than they need.
    Bucket(Box<TokenBucket>),
    Fixed(FixedWindow),
}

impl Usage {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::SlidingWindow => Usage::Sliding(SlidingWindow::default()),
            Algorithm::TokenBucket => Usage::Bucket(Box::default()),
            Algorithm::FixedWindow => Usage::Fixed(FixedWindow::default()),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Usage::Sliding(_) => Algorithm::SlidingWindow,
            Usage::Bucket(_) => Algorithm::TokenBucket,
            Usage::Fixed(_) => Algorithm::FixedWindow,
        }
    }

    pub(super) fn remaining(&self, quota: &Quota, now: Time) -> u64 {
        let used = match self {
            Usage::Sliding(window) => window.used(now),
            Usage::Bucket(bucket) => bucket.used(quota, now),
            Usage::Fixed(window) => window.used(now),
        };
        quota.capacity().saturating_sub(used)
    }

    /// The first time at or after `now` at which `cost`, at most the capacity, fits if nobody else takes anything.
    pub(super) fn ready_at(&self, quota: &Quota, now: Time, cost: u64) -> Time {
        match self {
            Usage::Sliding(window) => window.ready_at(quota, now, cost),
            Usage::Bucket(bucket) => bucket.ready_at(quota, now, cost),
            Usage::Fixed(window) => window.ready_at(quota, now, cost),
        }
    }

    /// Spends `cost`, which fits.
    pub(super) fn take(&mut self, quota: &Quota, now: Time, cost: u64, hold: bool) -> Mark {
        match self {
            Usage::Sliding(window) => window.take(quota, now, cost),
            Usage::Bucket(bucket) => bucket.take(quota, now, cost, hold),
            Usage::Fixed(window) => window.take(quota, now, cost),
        }
    }

    /// A held grant is spent for good.
    pub(super) fn settle(&mut self, quota: &Quota, mark: Mark) {
        if let Usage::Bucket(bucket) = self {
            bucket.settle(quota, mark);
        }
    }

    /// A held grant never happened.
    pub(super) fn give_back(&mut self, quota: &Quota, mark: Mark, cost: u64) {
        match self {
            Usage::Sliding(window) => window.give_back(mark, cost),
            Usage::Bucket(bucket) => bucket.give_back(quota, mark),
            Usage::Fixed(window) => window.give_back(mark, cost),
        }
    }

    /// When more remains than now; `now` where the quota is whole.
    pub(super) fn more_at(&self, quota: &Quota, now: Time) -> Time {
        match self {
            Usage::Sliding(window) => window.more_at(now),
            Usage::Bucket(bucket) => bucket.more_at(quota, now),
            Usage::Fixed(window) => window.more_at(now),
        }
    }

    /// When it is as good as new.
    pub(super) fn whole_at(&self, quota: &Quota) -> Time {
        match self {
            Usage::Sliding(window) => window.whole_at(),
            Usage::Bucket(bucket) => bucket.whole_at(quota),
            Usage::Fixed(window) => window.whole_at(),
        }
    }

    /// The same usage for a key of its own: what is held stays with the original.
    pub(super) fn without_holds(self) -> Self {
        match self {
            Usage::Bucket(bucket) => Usage::Bucket(Box::new(bucket.without_holds())),
            other => other,
        }
    }

    /// The same usage for a key that had `old` before, which was whole: nobody gives back here what it holds of that.
    pub(super) fn in_place_of(self, old: &Self) -> Self {
        match (self, old) {
            (Usage::Bucket(bucket), Usage::Bucket(old)) => Usage::Bucket(Box::new(bucket.in_place_of(old))),
            // What leaves at a known time has left where it is whole.
            (other, _) => other,
        }
    }

    /// Goes on under another quota; what was spent stays spent.
    pub(super) fn requota(&mut self, now: Time, old: &Quota, new: &Quota) {
        match self {
            _ if self.algorithm() != new.algorithm => {
                let mut spent = self.spent(old, now);
                // Another algorithm cannot know when it was spent, so it counts as spent just now.
                spent.iter_mut().for_each(|spent| spent.back_in = u64::MAX);
                *self = Usage::from_spent(new, now, 0, &spent);
            }
            Usage::Sliding(window) => window.requota(old, new),
            Usage::Bucket(bucket) => bucket.requota(now, old, new),
            Usage::Fixed(window) if old.per != new.per => window.requota(now, new),
            Usage::Fixed(_) => {}
        }
    }

    pub(super) fn spent(&self, quota: &Quota, now: Time) -> Vec<Spent> {
        match self {
            Usage::Sliding(window) => window.spent(now),
            Usage::Bucket(bucket) => bucket.spent(quota, now),
            Usage::Fixed(window) => window.spent(now),
        }
    }

    /// A usage that was written `elapsed` nanoseconds ago.
    pub(super) fn from_spent(quota: &Quota, now: Time, elapsed: u64, spent: &[Spent]) -> Self {
        let longest = saturating_nanos(quota.window());
        let spent: Vec<Spent> = spent
            .iter()
            .map(|spent| Spent { amount: spent.amount, back_in: spent.back_in.min(longest) })
            .collect();
        match quota.algorithm {
            Algorithm::SlidingWindow => {
                Usage::Sliding(SlidingWindow::from_spent(quota, now, elapsed, &spent))
            }
            Algorithm::TokenBucket => {
                Usage::Bucket(Box::new(TokenBucket::from_spent(quota, now, elapsed, &spent)))
            }
            Algorithm::FixedWindow => Usage::Fixed(FixedWindow::from_spent(quota, now, elapsed, &spent)),
        }
    }
}
