use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::quota::Quota;
use super::table::Place;
use super::usage::Usage;
use crate::clock::Time;
use crate::machine::Ticket;

/// Callers that may wait in one limiter; beyond it they are refused as if they would not wait.
pub(super) const MOST_WAITING: usize = 10_000;

/// A caller that waits for its turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) cost: u64,
    /// Whoever would be granted later than this does not wait at all.
    pub(super) give_up: Time,
}

/// Callers that wait for one key, first come first served.
#[derive(Debug)]
struct Line {
    waiters: VecDeque<Waiter>,
    wake: Time,
    /// The key's usage as it will be when the last in the line was granted, which is at `tail_at`: where a newcomer
    /// starts to count.
    tail: Usage,
    tail_at: Time,
}

impl Line {
    fn behind(usage: &Usage, now: Time) -> Self {
        let tail = usage.clone().without_holds();
        Line { waiters: VecDeque::new(), wake: Time::MAX, tail, tail_at: now }
    }

    fn ready_at(&self, quota: &Quota, now: Time, cost: u64) -> Time {
        self.tail.ready_at(quota, self.tail_at.max(now), cost)
    }

    fn join(&mut self, quota: &Quota, now: Time, waiter: Waiter) {
        let due = self.ready_at(quota, now, waiter.cost);
        self.tail.take(quota, due, waiter.cost, false);
        self.tail_at = due;
        if self.waiters.is_empty() {
            self.wake = due;
        }
        self.waiters.push_back(waiter);
    }
}

/// All lines of a limiter. A line is never empty.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_place: BTreeMap<Place, Line>,
    by_wake: BTreeSet<(Time, Place)>,
    places: BTreeMap<Ticket, Place>,
}

impl Lines {
    pub(super) fn waiting(&self) -> usize {
        self.places.len()
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.by_place.contains_key(&place)
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.by_place.keys().copied().collect()
    }

    /// When the next caller can be granted.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.by_wake.first().map(|(wake, _)| *wake)
    }

    /// A place whose first caller can be granted now.
    pub(super) fn due(&self, now: Time) -> Option<Place> {
        self.by_wake.first().filter(|(wake, _)| *wake <= now).map(|(_, place)| *place)
    }

    /// When a newcomer would be granted behind all who wait; `None` where nobody does.
    pub(super) fn ready_at(&self, place: Place, quota: &Quota, now: Time, cost: u64) -> Option<Time> {
        Some(self.by_place.get(&place)?.ready_at(quota, now, cost))
    }

    pub(super) fn join(&mut self, place: Place, usage: &Usage, quota: &Quota, now: Time, waiter: Waiter) {
        self.places.insert(waiter.ticket, place);
        let line = self.by_place.entry(place).or_insert_with(|| Line::behind(usage, now));
        line.join(quota, now, waiter);
        self.by_wake.insert((line.wake, place));
    }

    /// The first in the line, if it can be granted now; it is taken out.
    pub(super) fn next(&mut self, place: Place, usage: &Usage, quota: &Quota, now: Time) -> Option<Waiter> {
        let line = self.by_place.get_mut(&place)?;
        let first = *line.waiters.front()?;
        if first.cost > quota.capacity() || usage.ready_at(quota, now, first.cost) > now {
            return None;
        }
        line.waiters.pop_front();
        self.places.remove(&first.ticket);
        Some(first)
    }

    /// A caller goes. Its line is to be planned again.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Place> {
        let place = self.places.remove(&ticket)?;
        if let Some(line) = self.by_place.get_mut(&place) {
            line.waiters.retain(|waiter| waiter.ticket != ticket);
        }
        Some(place)
    }

    /// When `place` was to be looked at next.
    pub(super) fn wake(&self, place: Place) -> Option<Time> {
        self.by_place.get(&place).map(|line| line.wake)
    }

    /// Goes on after grants that came exactly when they were planned: the plan for all others still holds.
    pub(super) fn advance(&mut self, place: Place, usage: &Usage, quota: &Quota, now: Time) {
        let Some(line) = self.by_place.get_mut(&place) else { return };
        self.by_wake.remove(&(line.wake, place));
        match line.waiters.front() {
            Some(first) => {
                line.wake = usage.ready_at(quota, now, first.cost);
                self.by_wake.insert((line.wake, place));
            }
            None => {
                self.by_place.remove(&place);
            }
        }
    }

    /// Plans a line anew from what is really used. Returns who would now be granted too late, with the wait that a
    /// newcomer in its place would have; `None` where it never fits.
    pub(super) fn replan(
        &mut self,
        place: Place,
        usage: &Usage,
        quota: &Quota,
        now: Time,
    ) -> Vec<(Ticket, Option<Duration>)> {
        let Some(old) = self.by_place.remove(&place) else { return Vec::new() };
        self.by_wake.remove(&(old.wake, place));
        let mut too_late = Vec::new();
        let mut line = Line::behind(usage, now);
        for waiter in old.waiters {
            if waiter.cost > quota.capacity() {
                too_late.push((waiter.ticket, None));
                continue;
            }
            let due = line.ready_at(quota, now, waiter.cost);
            if due > waiter.give_up {
                too_late.push((waiter.ticket, Some(now.until(due))));
            } else {
                line.join(quota, now, waiter);
            }
        }
        for (ticket, _) in &too_late {
            self.places.remove(ticket);
        }
        if !line.waiters.is_empty() {
            self.by_wake.insert((line.wake, place));
            self.by_place.insert(place, line);
        }
        too_late
    }
}
