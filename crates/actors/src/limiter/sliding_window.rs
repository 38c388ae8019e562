use std::time::Duration;

use super::grants::Grants;
use super::quota::Quota;
use super::usage::{Mark, Spent};
use crate::clock::{Time, saturating_nanos};

/// Parts that one key takes in a snapshot, so that a full table fits into one.
const MOST_WRITTEN: usize = 60;

/// Grants with the time at which each leaves the window, oldest first.
///
/// Times of leaving, not of granting: what was restored from the disk may have been granted before time began.
#[derive(Clone, Debug, Default)]
pub(super) struct SlidingWindow {
    grants: Grants,
}

impl SlidingWindow {
    fn standing(&self, now: Time) -> impl Iterator<Item = &(Time, u64)> {
        self.grants.iter().skip_while(move |(leaves, _)| *leaves <= now)
    }

    pub(super) fn used(&self, now: Time) -> u64 {
        self.standing(now).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The first time at or after `now` at which `cost` fits; `cost` is at most the capacity.
    pub(super) fn ready_at(&self, quota: &Quota, now: Time, cost: u64) -> Time {
        let mut used = self.used(now);
        let mut ready = now;
        for (leaves, count) in self.standing(now) {
            if used.saturating_add(cost) <= quota.requests {
                break;
            }
            used = used.saturating_sub(*count);
            ready = *leaves;
        }
        ready
    }

    pub(super) fn take(&mut self, quota: &Quota, now: Time, cost: u64) -> Mark {
        self.grants.forget(now);
        let leaves = quota.leaves_at(now);
        // After a change of settings an older grant may leave later than this one would.
        let leaves = self.grants.last().map_or(leaves, |(last, _)| leaves.max(*last));
        self.grants.push(leaves, cost);
        Mark(leaves.as_nanos())
    }

    pub(super) fn give_back(&mut self, mark: Mark, cost: u64) {
        self.grants.take_away(Time::from_nanos(mark.0), cost);
    }

    pub(super) fn more_at(&self, now: Time) -> Time {
        self.standing(now).next().map_or(now, |(leaves, _)| *leaves)
    }

    pub(super) fn whole_at(&self) -> Time {
        self.grants.last().map_or(Time::ZERO, |(leaves, _)| *leaves)
    }

    /// Another length of the window moves every leaving by the difference, and to an edge where there are parts.
    pub(super) fn requota(&mut self, old: &Quota, new: &Quota) {
        for (leaves, _) in self.grants.iter_mut() {
            let moved = if new.per >= old.per {
                leaves.after(Duration::from_nanos(new.per - old.per))
            } else {
                Time::from_nanos(leaves.as_nanos().saturating_sub(old.per - new.per))
            };
            *leaves = new.edge_from(moved);
        }
    }

    pub(super) fn spent(&self, now: Time) -> Vec<Spent> {
        let standing: Vec<(Time, u64)> = self.standing(now).copied().collect();
        // Neighbours are written as one that leaves with the last of them: late, never early.
        let together = standing.len().div_ceil(MOST_WRITTEN).max(1);
        let parts = standing.chunks(together).filter_map(|part| {
            let (leaves, _) = part.last()?;
            let amount = part.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
            Some(Spent { amount, back_in: saturating_nanos(now.until(*leaves)) })
        });
        parts.collect()
    }

    pub(super) fn from_spent(quota: &Quota, now: Time, elapsed: u64, spent: &[Spent]) -> Self {
        let mut grants: Vec<(Time, u64)> = spent
            .iter()
            .map(|spent| (spent.back_in.saturating_sub(elapsed).min(quota.per), spent.amount))
            .filter(|(left, amount)| *left > 0 && *amount > 0)
            .map(|(left, amount)| (quota.edge_from(now.after(Duration::from_nanos(left))), amount))
            .collect();
        // What is read from a disk need not be in order.
        grants.sort_unstable();
        let mut window = SlidingWindow::default();
        for (leaves, amount) in grants {
            window.grants.push(leaves, amount);
        }
        window
    }
}
