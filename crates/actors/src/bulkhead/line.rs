use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Discipline, Priority};
use crate::clock::{Time, saturating_nanos};
use crate::machine::Ticket;

/// A waiter's rank for a grant rises one class in this time.
pub(super) const AGEING: Duration = Duration::from_millis(500);
/// The oldest waiter of a class may wait at least this long while higher ones are in its way, so that ageing can
/// reach it.
pub(super) const OLDEST_WAITS: Duration = Duration::from_secs(2);
/// At most one grant in so many goes to an aged waiter past one of a higher class.
pub(super) const ONE_IN: u32 = 20;
/// A line that has not been empty for so long is overloaded for good: as long as one waits by default, so that
/// whoever stands in front is about to give up.
pub(super) const LASTING: Duration = Duration::from_secs(1);

/// One caller in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) class: Priority,
    pub(super) weight: u64,
    /// Whether a holder of a lower class is to go for it.
    pub(super) preempts: bool,
    pub(super) since: Time,
    /// When it gives up.
    pub(super) until: Time,
    /// When it gives up as the oldest of its class with higher ones in its way.
    pub(super) longest: Time,
    /// Whether one of a higher class was let in while it was the oldest of its own.
    pub(super) overtaken: bool,
}

/// Those who wait: a queue for each class, first come first served.
#[derive(Debug)]
pub(super) struct Line {
    /// By arrival.
    classes: [BTreeMap<u64, Waiter>; 4],
    place: BTreeMap<Ticket, (Priority, u64)>,
    /// By the time at which each gives up.
    ends: BTreeSet<(Time, Ticket)>,
    arrivals: u64,
    /// Grants since an aged waiter last went past a higher class.
    since_aged: u32,
    /// When the line last was empty.
    standing_since: Time,
}

/// Those whose time is over.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// They have left the line.
    pub(super) gone: Vec<Waiter>,
    /// They wait on because higher ones are in their way, and until when.
    pub(super) held_back: Vec<(Ticket, Time)>,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            classes: Default::default(),
            place: BTreeMap::new(),
            ends: BTreeSet::new(),
            arrivals: 0,
            since_aged: ONE_IN,
            standing_since: Time::ZERO,
        }
    }
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.place.len()
    }

    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.place.contains_key(&ticket)
    }

    fn queue(&self, class: Priority) -> &BTreeMap<u64, Waiter> {
        &self.classes[class.index()]
    }

    fn oldest(&self, class: Priority) -> Option<&Waiter> {
        self.queue(class).values().next()
    }

    fn oldest_of_all(&self) -> impl Iterator<Item = &Waiter> {
        self.classes.iter().filter_map(|queue| queue.values().next())
    }

    pub(super) fn join(&mut self, waiter: Waiter) {
        if self.place.is_empty() {
            self.standing_since = waiter.since;
        }
        self.arrivals += 1;
        self.ends.insert((waiter.until, waiter.ticket));
        self.place.insert(waiter.ticket, (waiter.class, self.arrivals));
        self.classes[waiter.class.index()].insert(self.arrivals, waiter);
    }

    /// Takes a waiter out, wherever it stands.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let (class, arrival) = self.place.remove(&ticket)?;
        let waiter = self.classes[class.index()].remove(&arrival)?;
        if !self.ends.remove(&(waiter.until, ticket)) {
            self.ends.remove(&(waiter.longest, ticket));
        }
        Some(waiter)
    }

    /// Those for whom a holder is to go, in the order in which they are granted, ageing apart.
    pub(super) fn preempting(&self) -> impl Iterator<Item = &Waiter> {
        self.classes.iter().flat_map(BTreeMap::values).filter(|waiter| waiter.preempts)
    }

    /// The youngest waiter of the lowest class below `class`. The oldest of a class is never displaced.
    pub(super) fn displaceable_by(&self, class: Priority) -> Option<Ticket> {
        self.classes
            .iter()
            .skip(class.index() + 1)
            .rev()
            .find(|queue| queue.len() > 1)
            .and_then(|queue| queue.values().next_back())
            .map(|waiter| waiter.ticket)
    }

    /// The lowest class with somebody to displace, by its index: whoever is of it, or lower, displaces nobody. The
    /// highest where there is none.
    pub(super) fn lowest_displaceable(&self) -> usize {
        self.classes.iter().rposition(|queue| queue.len() > 1).unwrap_or(0)
    }

    pub(super) fn next_end(&self) -> Option<Time> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Takes those out who have waited as long as they may.
    pub(super) fn expire(&mut self, now: Time) -> Expired {
        let mut expired = Expired::default();
        while let Some((end, ticket)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.pop_first();
            if let Some(longest) = self.held_back(ticket).filter(|longest| *longest > end) {
                self.ends.insert((longest, ticket));
                expired.held_back.push((ticket, longest));
            } else {
                expired.gone.extend(self.leave(ticket));
            }
        }
        expired
    }

    /// How long a waiter may wait that is the oldest of its class and has higher ones in its way.
    fn held_back(&self, ticket: Ticket) -> Option<Time> {
        let (class, _) = self.place.get(&ticket)?;
        let waiter = self.oldest(*class).filter(|oldest| oldest.ticket == ticket)?;
        let higher_waits = self.classes.iter().take(class.index()).any(|queue| !queue.is_empty());
        (waiter.overtaken || higher_waits).then_some(waiter.longest)
    }

    /// Takes the next one to be granted out, if what it wants is free: the highest class, an aged waiter counted as of
    /// the class that it has risen to, but seldom past one that is declared higher. Whoever wants more than is free is
    /// waited for: passed over, it might never be served.
    pub(super) fn next(&mut self, now: Time, free: u64, discipline: Discipline) -> Option<Waiter> {
        let declared = self.oldest_of_all().next().copied()?;
        let aged = self.oldest_of_all().min_by_key(|waiter| (rank(waiter, now), waiter.since)).copied()?;
        let overtakes = aged.class > declared.class && self.since_aged + 1 >= ONE_IN;
        let standing = now.since(self.standing_since) >= LASTING;
        let chosen = if overtakes {
            aged
        } else if discipline == Discipline::AdaptiveLifo && standing {
            self.queue(declared.class).values().next_back().copied().unwrap_or(declared)
        } else {
            declared
        };
        if chosen.weight > free {
            return None;
        }
        self.since_aged = if overtakes { 0 } else { self.since_aged.saturating_add(1).min(ONE_IN) };
        self.leave(chosen.ticket);
        for queue in self.classes.iter_mut().skip(chosen.class.index() + 1) {
            if let Some(oldest) = queue.values_mut().next() {
                oldest.overtaken = true;
            }
        }
        Some(chosen)
    }

    /// Takes those out who want more than `capacity`, or everybody where it is zero; the highest class first.
    pub(super) fn dismiss_above(&mut self, capacity: u64) -> Vec<Waiter> {
        let waiters = self.classes.iter().flat_map(BTreeMap::values);
        let dismissed: Vec<Waiter> = waiters.filter(|waiter| waiter.weight > capacity).copied().collect();
        for waiter in &dismissed {
            self.leave(waiter.ticket);
        }
        dismissed
    }
}

/// The class, by its index, to which a waiter has risen.
fn rank(waiter: &Waiter, now: Time) -> u64 {
    let risen = saturating_nanos(now.since(waiter.since)) / saturating_nanos(AGEING);
    (waiter.class.index() as u64).saturating_sub(risen)
}
