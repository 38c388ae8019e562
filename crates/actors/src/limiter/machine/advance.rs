//! What a limiter grants in advance, and how it takes that back: the machine's side of its gate.
//!
//! A key is leased to its callers when it was asked for, and wholly: while a lease is out, nobody else decides anything
//! about that key. Whatever concerns it takes the lease back first, and what was used of it is then entered as if its
//! callers had asked. So whenever the machine decides, its table shows what it would show if everybody had asked.

#![cfg_attr(not(feature = "host"), allow(dead_code, reason = "without actors nobody has a gate"))]

use super::{Change, LimiterInput, LimiterMachine};
use crate::clock::Time;
use crate::gate::MOST_LEASED;
use crate::limiter::lease::{Carried, Lease, Offer, Part, code, later_part, part_of};
use crate::limiter::table::Place;
use crate::limiter::usage::{Mark, Usage};

/// A key whose lease is to be taken back before an input is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::limiter) struct Unsure {
    pub(in crate::limiter) place: Place,
    /// Whether the key may be dropped next: the gate then forgets it.
    pub(in crate::limiter) leaving: bool,
}

impl LimiterMachine {
    /// The key that `input` is about, where it has a place, and whether deciding about it may drop others.
    pub(in crate::limiter) fn concerned(&mut self, input: &LimiterInput) -> (Option<Place>, bool) {
        let concerned = match input {
            LimiterInput::Check { key, .. } => (self.table.known(key), true),
            LimiterInput::Return { key, .. } => (self.table.known(key), false),
            LimiterInput::Settle(ticket) | LimiterInput::GiveBack(ticket) => {
                (self.held.get(ticket).map(|held| held.place), false)
            }
            LimiterInput::Refused(_) => (None, false),
        };
        self.near = concerned.0;
        concerned
    }

    /// A key whose callers may have spent what a decision about that one depends on; to be asked again until there is none.
    pub(in crate::limiter) fn unsure(
        &self,
        (concerned, may_drop): (Option<Place>, bool),
        now: Time,
    ) -> Option<Unsure> {
        let leased = concerned.filter(|place| self.table.lease(*place).is_some());
        let droppable = || self.table.droppable_shown(now).filter(|_| may_drop);
        let (place, leaving) = match leased {
            Some(place) => (place, false),
            // The key itself stays in its spot, whole or not: it is about to spend something.
            None => (droppable()?, true),
        };
        self.table.is_shown(place).then_some(Unsure { place, leaving })
    }

    /// Every key that the gate knows.
    pub(in crate::limiter) fn all_unsure(&self) -> Vec<Unsure> {
        self.table.shown().map(|place| Unsure { place, leaving: true }).collect()
    }

    /// Notices how time has passed; to be called before anything is taken back.
    pub(in crate::limiter) fn look(&mut self, now: Time) {
        self.taken_back_at = None;
        self.parts.look(&self.quota, now);
    }

    /// A lease was taken back, at the latest at this time: what was used of it is entered next.
    pub(in crate::limiter) fn taken_back_by(&mut self, time: Time) {
        self.parts.taken_back_by(time);
    }

    /// Whether callers may wait for their turn.
    pub(in crate::limiter) fn lets_wait(&self) -> bool {
        self.config.max_wait.is_some()
    }

    /// A lease went on in a later part: what was used of it before that is entered.
    pub(in crate::limiter) fn carried(&mut self, carried: Carried) {
        let Carried { slot, left, part } = carried;
        let tokens = u64::from(left.tokens);
        // Where another thread has told of a later part first, all of it counts as used there.
        let is_of_it = |lease: &Lease| {
            code(lease.part) == left.term.part() && lease.turn == left.term.turn() && tokens <= lease.tokens
        };
        let found = self.table.shown_at(slot).and_then(|place| {
            let lease = self.table.lease(place).filter(is_of_it)?;
            Some((place, lease, later_part(lease.part, part)?))
        });
        let Some((place, lease, part)) = found else { return };
        self.enter_used(place, lease.part, lease.tokens - tokens);
        self.table.set_lease(place, Some(Lease { part, tokens, ..lease }));
    }

    /// Takes back what is left of a key's lease, from that spot of the gate: so many tokens, and the code of the part that
    /// it has come to.
    pub(in crate::limiter) fn taken_back(
        &mut self,
        Unsure { place, leaving }: Unsure,
        spot: Option<u32>,
        (part, left): (u32, u64),
    ) {
        if leaving {
            self.table.set_shown(place, false);
        } else {
            self.taken_back_at = spot.map(|spot| (place, spot));
        }
        let Some(lease) = self.table.lease(place) else { return };
        self.table.set_lease(place, None);
        let part = later_part(lease.part, part).unwrap_or(lease.part);
        match lease.tokens.checked_sub(left) {
            Some(used) => self.enter_used(place, part, used),
            // More than is unaccounted for: what a lease with the same turn had counted as used, long before.
            None => self.give_back_of_part(place, part, left - lease.tokens),
        }
    }

    fn enter_used(&mut self, place: Place, part: u64, used: u64) {
        if used > 0 {
            let (quota, at) = (self.quota, self.parts.used_at(&self.quota, part));
            self.table.update(place, &quota, |usage| usage.take(&quota, at, used, false));
            self.granted += used;
        }
    }

    pub(super) fn returning(&self, now: Time, key: &str, of: u32) -> Change {
        let part = self.quota.part_at(now).and_then(|latest| part_of(of, latest));
        match (self.table.known(key), part) {
            (Some(place), Some(part)) => Change::Return(place, part),
            _ => Change::Nothing,
        }
    }

    pub(super) fn give_back_of_part(&mut self, place: Place, part: u64, tokens: u64) {
        let (quota, at) = (self.quota, self.parts.used_at(&self.quota, part));
        self.table.update(place, &quota, |usage| {
            let mark = match usage {
                Usage::Fixed(_) => quota.edge(at),
                Usage::Sliding(_) | Usage::Bucket(_) => quota.leaves_at(at),
            };
            usage.give_back(&quota, Mark(mark.as_nanos()), tokens);
        });
    }

    /// The part of the window for which leases are given now; `None` where the quota is counted without parts.
    pub(in crate::limiter) fn part(&mut self, now: Time) -> Option<Part> {
        self.parts.enter(&self.quota, now)
    }

    /// What the callers of the key that was just asked for may have without asking. To be taken once.
    pub(in crate::limiter) fn offer(&mut self, now: Time) -> Option<(Place, Offer)> {
        let place = self.asked.take()?;
        if self.table.key(place).is_none() || self.lines.has(place) {
            return None;
        }
        // Its next call is decided as a newcomer's, from what stands in the overflow usage, and not from what stands here.
        if self.table.is_as_good_as_new(place, &self.quota, now) {
            return None;
        }
        let (quota, usage) = (&self.quota, self.table.get(place));
        let remaining = usage.remaining(quota, now);
        let more_at = usage.more_at(quota, now);
        if remaining == 0 {
            // Whoever may wait for its turn has to ask for it.
            let is_all = self.config.max_wait.is_none() && usage.ready_at(quota, now, 1) == more_at;
            return is_all.then_some((place, Offer::UsedUp(more_at)));
        }
        let part = quota.part_at(now)?;
        let first = if remaining < quota.capacity() { more_at } else { quota.first_more_at(now) };
        let tokens = remaining.min(MOST_LEASED.into());
        let turn = self.table.next_turn(place);
        let offer = Offer::Tokens { part, turn, tokens, spare: remaining - tokens, more_at: first };
        Some((place, offer))
    }

    /// The gate has taken an offer up, and keeps it there.
    pub(in crate::limiter) fn leased(&mut self, place: Place, offer: Offer, to_all: bool) {
        let turn = self.table.next_turn(place);
        let lease = match offer {
            Offer::Tokens { part, tokens, more_at, .. } => {
                let goes_on = !to_all && more_at > self.quota.part(part).1;
                self.parts.leased(if goes_on { more_at } else { Time::ZERO });
                Lease { part, turn, tokens }
            }
            Offer::UsedUp(_) => Lease { part: 0, turn, tokens: 0 },
        };
        self.table.set_shown(place, true);
        self.table.set_lease(place, Some(lease));
    }

    /// A key's text; `None` where only a digest of it is known, which no caller shows.
    pub(in crate::limiter) fn shown(&self, place: Place) -> Option<&[u8]> {
        self.table.key(place)?.text()
    }

    /// Whether the gate has a cell for it.
    pub(in crate::limiter) fn is_shown(&self, place: Place) -> bool {
        self.table.is_shown(place)
    }

    /// The spot of the gate at which that key's lease was taken back in this step.
    pub(in crate::limiter) fn taken_back_at(&self, place: Place) -> Option<u32> {
        self.taken_back_at.filter(|(of, _)| *of == place).map(|(_, spot)| spot)
    }

    pub(in crate::limiter) fn secret(&self) -> u64 {
        self.secret
    }

    pub(in crate::limiter) fn capacity(&self) -> (u64, std::time::Duration) {
        (self.quota.capacity(), self.quota.window())
    }

    pub(in crate::limiter) fn max_keys(&self) -> usize {
        self.config.max_keys
    }
}
