use std::borrow::Cow;

use entries::{Entries, Entry, NOBODY, UNLEASED};
pub(super) use key::Key;
#[cfg(feature = "host")]
pub(super) use key::LONGEST_TEXT;
use key::Sought;

use super::lease::Lease;
use super::quota::Quota;
use super::usage::Usage;
use crate::clock::Time;

mod ages;
mod entries;
mod index;
mod key;

use ages::Ages;

/// Whole keys that one grant drops besides its own work, so that an idle table shrinks without a timer.
const TIDIED_PER_GRANT: usize = 2;

/// Where a key's usage is kept. The serial number tells a place apart from what stood in the same slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    slot: u32,
    serial: u64,
}

impl Place {
    #[cfg_attr(not(feature = "host"), allow(dead_code, reason = "only a hosted one's gate has seats"))]
    pub(super) fn slot(self) -> u32 {
        self.slot
    }
}

/// Usages by key, at most so many, and the one that new keys share when nothing can be dropped.
#[derive(Debug)]
pub(super) struct Table {
    most: usize,
    entries: Entries,
    /// Those that nobody waits for, by the time at which they are whole again.
    ages: Ages,
    serial: u64,
    overflow: Usage,
    /// What keys hash with.
    secret: u64,
}

/// The overflow usage's place; no slot has this number.
const OVERFLOW: Place = Place { slot: NOBODY, serial: 0 };

/// Where a key's usage is, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has a place.
    Known(Place),
    /// It has none yet, and there is room for one.
    New(Key, u32),
    /// There is no room: it shares the overflow usage.
    Overflow,
}

impl Found {
    /// The key's own place, where it has one already.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Found::Known(place) => Some(*place),
            Found::New(..) | Found::Overflow => None,
        }
    }
}

impl Table {
    pub(super) fn new(quota: &Quota, most: usize, secret: u64) -> Self {
        Table {
            most,
            entries: Entries::default(),
            ages: Ages::default(),
            serial: 0,
            overflow: Usage::new(quota.algorithm),
            secret,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// The place of a key that has one.
    pub(super) fn known(&self, key: &str) -> Option<Place> {
        let key = Sought::new(key);
        let (slot, entry) = self.entries.find(key, key.hash(self.secret))?;
        Some(Place { slot, serial: entry.serial })
    }

    /// Where a key's usage is, or would be; `near` is where it may be, and is looked at first.
    pub(super) fn find(&self, key: &str, near: Option<Place>, now: Time) -> Found {
        let key = Sought::new(key);
        let is_it = |place: &Place| self.entry(*place).is_some_and(|entry| entry.key.is(key));
        if let Some(place) = near.filter(is_it) {
            return Found::Known(place);
        }
        let hash = key.hash(self.secret);
        match self.entries.find(key, hash) {
            Some((slot, entry)) => Found::Known(Place { slot, serial: entry.serial }),
            None if self.len() < self.most => Found::New(key.kept(), hash),
            // Above the limit (it was lowered), whole keys are dropped without a new one in their place.
            None if self.len() == self.most && self.oldest_whole(now).is_some() => {
                Found::New(key.kept(), hash)
            }
            None => Found::Overflow,
        }
    }

    fn oldest_whole(&self, now: Time) -> Option<(Time, u32)> {
        self.ages.first().filter(|(whole_at, _)| *whole_at <= now)
    }

    /// What `found` has used so far.
    pub(super) fn usage(&self, found: &Found, quota: &Quota, now: Time) -> Cow<'_, Usage> {
        match found {
            Found::Known(place) if self.is_as_good_as_new(*place, quota, now) => {
                Cow::Owned(self.newcomer(quota, now))
            }
            Found::Known(place) => Cow::Borrowed(self.get(*place)),
            Found::New(..) => Cow::Owned(self.newcomer(quota, now)),
            Found::Overflow => Cow::Borrowed(&self.overflow),
        }
    }

    /// Whether a key could have been dropped by now, which must make no difference: when that happens depends on how often
    /// the actor is asked. It only could where new keys start from the overflow usage.
    pub(super) fn is_as_good_as_new(&self, place: Place, quota: &Quota, now: Time) -> bool {
        let is_whole = |entry: &Entry| !entry.pinned && entry.usage.whole_at(quota) <= now;
        self.overflow.whole_at(quota) > now && self.entry(place).is_some_and(is_whole)
    }

    /// A new key may have spent all that stands in the overflow usage, so it starts from there.
    fn newcomer(&self, quota: &Quota, now: Time) -> Usage {
        if self.overflow.whole_at(quota) <= now {
            Usage::new(quota.algorithm)
        } else {
            self.overflow.clone().without_holds()
        }
    }

    fn entry(&self, place: Place) -> Option<&Entry> {
        self.entries.get(place.slot).filter(|entry| entry.serial == place.serial)
    }

    fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.entries.get_mut(place.slot).filter(|entry| entry.serial == place.serial)
    }

    /// `place`, or the shared one where that key was dropped: a place that is gone must not turn into a free pass.
    pub(super) fn live(&self, place: Place) -> Place {
        if self.entry(place).is_some() { place } else { OVERFLOW }
    }

    pub(super) fn get(&self, place: Place) -> &Usage {
        self.entry(place).map_or(&self.overflow, |entry| &entry.usage)
    }

    /// Gives `found` a place, dropping whole keys for it where need be.
    pub(super) fn place(&mut self, found: Found, quota: &Quota, now: Time) -> Place {
        let (key, hash) = match found {
            Found::Known(place) => {
                if self.is_as_good_as_new(place, quota, now) {
                    let usage = self.newcomer(quota, now);
                    self.update(place, quota, |own| *own = usage.in_place_of(own));
                }
                return place;
            }
            Found::Overflow => return OVERFLOW,
            Found::New(key, hash) => (key, hash),
        };
        let usage = self.newcomer(quota, now);
        if self.len() >= self.most
            && let Some((time, slot)) = self.oldest_whole(now)
        {
            self.drop_slot(time, slot);
        }
        self.enter(key, hash, usage, quota)
    }

    pub(super) fn insert(&mut self, key: Key, usage: Usage, quota: &Quota) -> Place {
        let hash = key.hash(self.secret);
        self.enter(key, hash, usage, quota)
    }

    fn enter(&mut self, key: Key, hash: u32, usage: Usage, quota: &Quota) -> Place {
        self.serial += 1;
        let (serial, whole_at) = (self.serial, usage.whole_at(quota));
        let entry = Entry {
            key,
            usage,
            serial,
            part: UNLEASED,
            tokens: 0,
            // Keys that come one after the other begin with other turns.
            turn: self.serial as u8,
            shown: false,
            before: NOBODY,
            behind: NOBODY,
            pinned: false,
        };
        let slot = self.entries.insert(entry, hash);
        self.ages.insert(&mut self.entries, whole_at, slot);
        Place { slot, serial }
    }

    /// Drops a few whole keys.
    pub(super) fn tidy(&mut self, now: Time) {
        for _ in 0..TIDIED_PER_GRANT {
            let Some((time, slot)) = self.oldest_whole(now) else { return };
            self.drop_slot(time, slot);
        }
    }

    fn drop_slot(&mut self, whole_at: Time, slot: u32) {
        self.ages.remove(&mut self.entries, whole_at, slot);
        let secret = self.secret;
        self.entries.remove(slot, |key| key.hash(secret));
    }

    /// Changes the usage at `place`; does nothing where that key was dropped since, which only happens to keys whose
    /// quota is whole.
    pub(super) fn update<R>(
        &mut self,
        place: Place,
        quota: &Quota,
        change: impl FnOnce(&mut Usage) -> R,
    ) -> Option<R> {
        if place == OVERFLOW {
            return Some(change(&mut self.overflow));
        }
        let entry = self.entry_mut(place)?;
        let (pinned, before) = (entry.pinned, entry.usage.whole_at(quota));
        let result = change(&mut entry.usage);
        let whole_at = entry.usage.whole_at(quota);
        if whole_at != before && !pinned {
            self.ages.remove(&mut self.entries, before, place.slot);
            self.ages.insert(&mut self.entries, whole_at, place.slot);
        }
        Some(result)
    }

    /// Keeps a key in its place while somebody waits for it, or no longer.
    pub(super) fn pin(&mut self, place: Place, quota: &Quota, pinned: bool) {
        let Some(entry) = self.entry_mut(place) else { return };
        if std::mem::replace(&mut entry.pinned, pinned) == pinned {
            return;
        }
        let whole_at = entry.usage.whole_at(quota);
        if pinned {
            self.ages.remove(&mut self.entries, whole_at, place.slot);
        } else {
            self.ages.insert(&mut self.entries, whole_at, place.slot);
        }
    }

    pub(super) fn key(&self, place: Place) -> Option<&Key> {
        self.entry(place).map(|entry| &entry.key)
    }

    /// What is leased to that key's callers.
    pub(super) fn lease(&self, place: Place) -> Option<Lease> {
        let entry = self.entry(place).filter(|entry| entry.part != UNLEASED)?;
        Some(Lease { part: entry.part, turn: entry.turn, tokens: entry.tokens.into() })
    }

    /// What tells that key's next lease from its last ones.
    pub(super) fn next_turn(&self, place: Place) -> u8 {
        self.entry(place).map_or(0, |entry| entry.turn.wrapping_add(1))
    }

    pub(super) fn set_lease(&mut self, place: Place, lease: Option<Lease>) {
        if let Some(entry) = self.entry_mut(place) {
            entry.turn = lease.map_or(entry.turn, |lease| lease.turn);
            entry.part = lease.map_or(UNLEASED, |lease| lease.part);
            // No more than that is ever leased.
            entry.tokens = lease.map_or(0, |lease| u32::try_from(lease.tokens).unwrap_or(u32::MAX));
        }
    }

    /// Whether the gate has a cell for that key.
    pub(super) fn is_shown(&self, place: Place) -> bool {
        self.entry(place).is_some_and(|entry| entry.shown)
    }

    pub(super) fn set_shown(&mut self, place: Place, shown: bool) {
        if let Some(entry) = self.entry_mut(place) {
            entry.shown = shown;
        }
    }

    /// The key in this slot, where the gate has a cell for it.
    pub(super) fn shown_at(&self, slot: u32) -> Option<Place> {
        let entry = self.entries.get(slot).filter(|entry| entry.shown)?;
        Some(Place { slot, serial: entry.serial })
    }

    /// Every key that the gate knows.
    pub(super) fn shown(&self) -> impl Iterator<Item = Place> {
        let known = self.entries.iter().filter(|(_, entry)| entry.shown);
        known.map(|(slot, entry)| Place { slot, serial: entry.serial })
    }

    /// A key that the gate knows among those that one grant may drop: what its callers spent decides whether it may.
    pub(super) fn droppable_shown(&self, now: Time) -> Option<Place> {
        let whole = self.ages.until(&self.entries, now);
        whole.take(TIDIED_PER_GRANT + 1).find_map(|slot| {
            let entry = self.entries.get(slot)?;
            entry.shown.then_some(Place { slot, serial: entry.serial })
        })
    }

    /// Changes all usages, the shared one too.
    pub(super) fn update_all(&mut self, quota: &Quota, mut change: impl FnMut(&mut Usage)) {
        change(&mut self.overflow);
        self.ages.clear();
        for slot in self.entries.slots() {
            let Some(entry) = self.entries.get_mut(slot) else { continue };
            change(&mut entry.usage);
            if !entry.pinned {
                let whole_at = entry.usage.whole_at(quota);
                self.ages.insert(&mut self.entries, whole_at, slot);
            }
        }
    }

    /// Every key that has spent something, in an order that what happened to the table gives.
    pub(super) fn spenders<'a>(
        &'a self,
        quota: &'a Quota,
        now: Time,
    ) -> impl Iterator<Item = (&'a Key, &'a Usage)> {
        let all = self.entries.iter().map(|(_, entry)| (&entry.key, &entry.usage));
        all.filter(move |(_, usage)| usage.whole_at(quota) > now)
    }

    pub(super) fn overflow(&self) -> &Usage {
        &self.overflow
    }

    pub(super) fn set_overflow(&mut self, usage: Usage) {
        self.overflow = usage;
    }
}
