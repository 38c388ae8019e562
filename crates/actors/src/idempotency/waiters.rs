use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::config::Terms;
use super::key::RecordKey;
use crate::clock::Time;
use crate::machine::Ticket;

/// Calls that may wait for one key: a client that repeats itself faster than it is answered must not fill the memory.
pub(super) const MOST_WAITING: usize = 100;

/// A call that waits for the one that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    /// When it gives up; [`Time::MAX`] where only its caller ends its wait.
    pub(super) until: Time,
    pub(super) terms: Terms,
}

/// All calls that wait, key by key, first come first served. A line is never empty.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    lines: BTreeMap<RecordKey, VecDeque<Waiter>>,
    places: BTreeMap<Ticket, RecordKey>,
    by_end: BTreeSet<(Time, Ticket)>,
}

impl Waiters {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn of(&self, key: &RecordKey) -> usize {
        self.lines.get(key).map_or(0, VecDeque::len)
    }

    pub(super) fn join(&mut self, key: RecordKey, waiter: Waiter) {
        self.places.insert(waiter.ticket, key.clone());
        if waiter.until < Time::MAX {
            self.by_end.insert((waiter.until, waiter.ticket));
        }
        self.lines.entry(key).or_default().push_back(waiter);
    }

    /// A caller goes; says which key it waited for.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<RecordKey> {
        let key = self.places.remove(&ticket)?;
        let line = self.lines.get_mut(&key)?;
        if let Some(index) = line.iter().position(|waiter| waiter.ticket == ticket)
            && let Some(waiter) = line.remove(index)
        {
            self.by_end.remove(&(waiter.until, ticket));
        }
        if line.is_empty() {
            self.lines.remove(&key);
        }
        Some(key)
    }

    /// Takes out the first of `key` that `fits`.
    pub(super) fn next(&mut self, key: &RecordKey, fits: impl Fn(&Waiter) -> bool) -> Option<Waiter> {
        let waiter = *self.lines.get(key)?.iter().find(|waiter| fits(waiter))?;
        self.leave(waiter.ticket);
        Some(waiter)
    }

    /// Takes out all of `key`.
    pub(super) fn dismiss(&mut self, key: &RecordKey) -> VecDeque<Waiter> {
        let line = self.lines.remove(key).unwrap_or_default();
        for waiter in &line {
            self.places.remove(&waiter.ticket);
            self.by_end.remove(&(waiter.until, waiter.ticket));
        }
        line
    }

    /// When the first one gives up.
    pub(super) fn first_end(&self) -> Option<Time> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// One that has waited as long as it would.
    pub(super) fn impatient(&self, now: Time) -> Option<Ticket> {
        self.by_end.first().filter(|(until, _)| *until <= now).map(|(_, ticket)| *ticket)
    }
}
