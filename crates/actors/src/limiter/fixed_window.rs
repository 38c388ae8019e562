use super::quota::Quota;
use super::usage::{Mark, Spent};
use crate::clock::{Time, saturating_nanos};

/// What was granted in the aligned window that ends at `ends`.
///
/// N are possible just before an edge and N just after it: 2N within a moment. Where that matters, the sliding window
/// is the right choice.
#[derive(Clone, Debug, Default)]
pub(super) struct FixedWindow {
    ends: Time,
    used: u64,
}

impl FixedWindow {
    pub(super) fn used(&self, now: Time) -> u64 {
        if now < self.ends { self.used } else { 0 }
    }

    pub(super) fn ready_at(&self, quota: &Quota, now: Time, cost: u64) -> Time {
        if self.used(now).saturating_add(cost) <= quota.requests { now } else { self.ends }
    }

    pub(super) fn take(&mut self, quota: &Quota, now: Time, cost: u64) -> Mark {
        self.used = self.used(now).saturating_add(cost);
        if now >= self.ends {
            self.ends = quota.edge(now);
        }
        Mark(self.ends.as_nanos())
    }

    pub(super) fn give_back(&mut self, mark: Mark, cost: u64) {
        if self.ends.as_nanos() == mark.0 {
            self.used = self.used.saturating_sub(cost);
        }
    }

    pub(super) fn more_at(&self, now: Time) -> Time {
        if self.used(now) > 0 { self.ends } else { now }
    }

    pub(super) fn whole_at(&self) -> Time {
        if self.used > 0 { self.ends } else { Time::ZERO }
    }

    /// What was used stays used until the next edge of the new windows.
    pub(super) fn requota(&mut self, now: Time, new: &Quota) {
        self.used = self.used(now);
        self.ends = new.edge(now);
    }

    pub(super) fn spent(&self, now: Time) -> Vec<Spent> {
        match self.used(now) {
            0 => Vec::new(),
            amount => vec![Spent { amount, back_in: saturating_nanos(now.until(self.ends)) }],
        }
    }

    pub(super) fn from_spent(quota: &Quota, now: Time, elapsed: u64, spent: &[Spent]) -> Self {
        let standing = spent.iter().filter(|spent| spent.back_in > elapsed);
        let used = standing.fold(0u64, |sum, spent| sum.saturating_add(spent.amount));
        FixedWindow { ends: quota.edge(now), used }
    }
}
