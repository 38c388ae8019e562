use std::collections::VecDeque;
use std::time::Duration;

use super::quota::Quota;
use super::usage::{Mark, Spent};
use crate::clock::{Time, saturating_nanos};

/// Grants that are remembered while an older one is held; beyond it the oldest holds count as spent.
const MOST_REMEMBERED: usize = 1_024;

/// What is missing from a full bucket, in exact integers.
///
/// The unit is 1/`per` of a token, `per` in nanoseconds: a bucket then gains `requests` units every nanosecond, and
/// no rate is ever rounded. The missing part is kept, not the content, so that a larger `burst` is not a gift to who
/// has just spent, and an idle bucket cannot overfill.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenBucket {
    level: Level,
    /// The history since the oldest grant that may still be given back; `None` while nothing is held.
    history: Option<Box<History>>,
    next_mark: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    missing: u128,
    at: Time,
}

/// Giving a grant back must leave the bucket as if it had never been taken. Adding its tokens would not: had it not
/// been taken, the bucket might have been full in between, and what came in then would have been lost. So the
/// bucket is run again without it.
#[derive(Clone, Debug)]
struct History {
    base: Level,
    grants: VecDeque<Grant>,
}

#[derive(Clone, Copy, Debug)]
struct Grant {
    at: Time,
    units: u128,
    held: Option<Mark>,
}

impl Level {
    fn missing(&self, quota: &Quota, now: Time) -> u128 {
        let elapsed = u128::from(saturating_nanos(now.since(self.at)));
        self.missing.saturating_sub(elapsed * u128::from(quota.requests))
    }

    fn take(&mut self, quota: &Quota, now: Time, units: u128) {
        self.missing = self.missing(quota, now).saturating_add(units);
        self.at = self.at.max(now);
    }

    /// When the missing part has shrunk to `units`.
    fn shrunk_to(&self, quota: &Quota, units: u128) -> Time {
        let nanos = self.missing.saturating_sub(units).div_ceil(quota.requests.into());
        self.at.after(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

fn units(quota: &Quota, tokens: u64) -> u128 {
    u128::from(tokens) * u128::from(quota.per)
}

impl TokenBucket {
    pub(super) fn used(&self, quota: &Quota, now: Time) -> u64 {
        // Rounded up: a token that is not whole cannot be used.
        let tokens = self.level.missing(quota, now).div_ceil(quota.per.into());
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    pub(super) fn ready_at(&self, quota: &Quota, now: Time, cost: u64) -> Time {
        self.level.shrunk_to(quota, units(quota, quota.burst.saturating_sub(cost))).max(now)
    }

    pub(super) fn take(&mut self, quota: &Quota, now: Time, cost: u64, hold: bool) -> Mark {
        let units = units(quota, cost);
        if hold && self.history.is_none() {
            self.history = Some(Box::new(History { base: self.level, grants: VecDeque::new() }));
        }
        self.level.take(quota, now, units);
        let mark = Mark(self.next_mark);
        self.next_mark += u64::from(hold);
        let Some(history) = &mut self.history else { return mark };
        history.grants.push_back(Grant { at: now, units, held: hold.then_some(mark) });
        if history.grants.len() > MOST_REMEMBERED {
            history.grants[0].held = None;
            self.forget(quota);
        }
        mark
    }

    /// Drops the part of the history that no longer has a held grant before it.
    fn forget(&mut self, quota: &Quota) {
        let Some(history) = &mut self.history else { return };
        while let Some(grant) = history.grants.front().copied().filter(|grant| grant.held.is_none()) {
            history.base.take(quota, grant.at, grant.units);
            history.grants.pop_front();
        }
        if history.grants.is_empty() {
            self.history = None;
        }
    }

    fn held(&mut self, mark: Mark) -> Option<(&mut History, usize)> {
        let history = self.history.as_mut()?;
        let index = history.grants.iter().position(|grant| grant.held == Some(mark))?;
        Some((history, index))
    }

    pub(super) fn settle(&mut self, quota: &Quota, mark: Mark) {
        if let Some((history, index)) = self.held(mark) {
            history.grants[index].held = None;
            self.forget(quota);
        }
    }

    pub(super) fn give_back(&mut self, quota: &Quota, mark: Mark) {
        if let Some((history, index)) = self.held(mark) {
            history.grants.remove(index);
            let mut level = history.base;
            for grant in &history.grants {
                level.take(quota, grant.at, grant.units);
            }
            self.level = level;
            self.forget(quota);
        }
    }

    /// When one more token is whole.
    pub(super) fn more_at(&self, quota: &Quota, now: Time) -> Time {
        match self.used(quota, now) {
            0 => now,
            used => self.level.shrunk_to(quota, units(quota, used - 1)).max(now),
        }
    }

    pub(super) fn whole_at(&self, quota: &Quota) -> Time {
        self.level.shrunk_to(quota, 0)
    }

    pub(super) fn requota(&mut self, now: Time, old: &Quota, new: &Quota) {
        let missing = self.level.missing(old, now);
        let (tokens, rest) = (missing / u128::from(old.per), missing % u128::from(old.per));
        let rest = (rest * u128::from(new.per)).div_ceil(old.per.into());
        let tokens = tokens.saturating_mul(new.per.into());
        self.level = Level { missing: tokens.saturating_add(rest), at: now };
        self.history = None;
    }

    pub(super) fn spent(&self, quota: &Quota, now: Time) -> Vec<Spent> {
        match self.used(quota, now) {
            0 => Vec::new(),
            amount => {
                vec![Spent { amount, back_in: saturating_nanos(now.until(self.whole_at(quota))) }]
            }
        }
    }

    pub(super) fn from_spent(quota: &Quota, now: Time, elapsed: u64, spent: &[Spent]) -> Self {
        let amount = spent.iter().fold(0u64, |sum, spent| sum.saturating_add(spent.amount));
        let refilled = u128::from(elapsed) * u128::from(quota.requests);
        // A full bucket's worth at most: bytes from a disk must not lock a key out for ever.
        let missing = units(quota, amount.min(quota.burst)).saturating_sub(refilled);
        TokenBucket { level: Level { missing, at: now }, ..TokenBucket::default() }
    }

    /// The same for a key that had `old`: whoever still holds something of that finds nothing of this under its mark.
    pub(super) fn in_place_of(self, old: &TokenBucket) -> Self {
        TokenBucket { next_mark: self.next_mark.max(old.next_mark), ..self }
    }

    pub(super) fn without_holds(self) -> Self {
        TokenBucket { history: None, ..self }
    }
}
