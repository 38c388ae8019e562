use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::quota::Quota;
use super::usage::Usage;
use crate::clock::Time;

/// Longer keys are kept as their digest: what an outsider sends must not decide how much memory it takes.
pub(super) const LONGEST_TEXT: usize = 64;
/// Whole keys that one grant drops besides its own work, so that an idle table shrinks without a timer.
const TIDIED_PER_GRANT: usize = 2;

/// A key as it is kept. The two forms never meet, so no text can pass for a digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    Text(Box<str>),
    Digest([u8; 32]),
}

impl Key {
    pub(super) fn new(text: &str) -> Self {
        if text.len() <= LONGEST_TEXT {
            Key::Text(text.into())
        } else {
            Key::Digest(*blake3::hash(text.as_bytes()).as_bytes())
        }
    }
}

/// Where a key's usage is kept. The serial number tells a place apart from what stood in the same slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    slot: usize,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    key: Key,
    usage: Usage,
    whole_at: Time,
    /// Somebody waits for it: it keeps its place even when its quota is whole.
    pinned: bool,
    /// What its callers may spend without asking.
    lease: Option<Lease>,
    /// Where the gate keeps that, or kept it last.
    spot: Option<u32>,
}

/// Usages by key, at most so many, and the one that new keys share when nothing can be dropped.
#[derive(Debug)]
pub(super) struct Table {
    most: usize,
    keys: BTreeMap<Key, usize>,
    slots: Vec<Option<Entry>>,
    free: Vec<usize>,
    /// Slots by the time at which they are whole again: the first is the next that may be dropped.
    by_age: BTreeSet<(Time, usize)>,
    serial: u64,
    overflow: Usage,
}

/// The overflow usage's place; no slot has this number.
const OVERFLOW: Place = Place { slot: usize::MAX, serial: 0 };

/// Where a key's usage is, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has a place.
    Known(Place),
    /// It has none yet, and there is room for one.
    New(Key),
    /// There is no room: it shares the overflow usage.
    Overflow,
}

impl Found {
    /// The key's own place, where it has one already.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Found::Known(place) => Some(*place),
            Found::New(_) | Found::Overflow => None,
        }
    }
}

impl Table {
    pub(super) fn new(quota: &Quota, most: usize) -> Self {
        Table {
            most,
            keys: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            by_age: BTreeSet::new(),
            serial: 0,
            overflow: Usage::new(quota.algorithm),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    pub(super) fn find(&self, key: Key, now: Time) -> Found {
        let known = self.keys.get(&key).and_then(|slot| {
            let entry = self.slots[*slot].as_ref()?;
            Some(Place { slot: *slot, serial: entry.serial })
        });
        match known {
            Some(place) => Found::Known(place),
            None if self.len() < self.most => Found::New(key),
            // Above the limit (it was lowered), whole keys are dropped without a new one in their place.
            None if self.len() == self.most && self.oldest_whole(now).is_some() => Found::New(key),
            None => Found::Overflow,
        }
    }

    fn oldest_whole(&self, now: Time) -> Option<(Time, usize)> {
        self.by_age.first().copied().filter(|(whole_at, _)| *whole_at <= now)
    }

    /// What `found` has used so far.
    pub(super) fn usage(&self, found: &Found, quota: &Quota, now: Time) -> Cow<'_, Usage> {
        match found {
            Found::Known(place) if self.is_as_good_as_new(*place, quota, now) => {
                Cow::Owned(self.newcomer(quota, now))
            }
            Found::Known(place) => Cow::Borrowed(self.get(*place)),
            Found::New(_) => Cow::Owned(self.newcomer(quota, now)),
            Found::Overflow => Cow::Borrowed(&self.overflow),
        }
    }

    /// Whether a key could have been dropped by now, which must make no difference: when that happens depends on how often
    /// the actor is asked. It only could where new keys start from the overflow usage.
    pub(super) fn is_as_good_as_new(&self, place: Place, quota: &Quota, now: Time) -> bool {
        let is_whole = |entry: &Entry| !entry.pinned && entry.whole_at <= now;
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
        self.slots.get(place.slot)?.as_ref().filter(|entry| entry.serial == place.serial)
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
        let key = match found {
            Found::Known(place) => {
                if self.is_as_good_as_new(place, quota, now) {
                    let usage = self.newcomer(quota, now);
                    self.update(place, quota, |own| *own = usage);
                }
                return place;
            }
            Found::Overflow => return OVERFLOW,
            Found::New(key) => key,
        };
        let usage = self.newcomer(quota, now);
        if self.len() >= self.most
            && let Some((_, slot)) = self.oldest_whole(now)
        {
            self.drop_slot(slot);
        }
        self.insert(key, usage, quota)
    }

    pub(super) fn insert(&mut self, key: Key, usage: Usage, quota: &Quota) -> Place {
        self.serial += 1;
        let whole_at = usage.whole_at(quota);
        let entry = Entry {
            serial: self.serial,
            key: key.clone(),
            usage,
            whole_at,
            pinned: false,
            lease: None,
            spot: None,
        };
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(Some(entry));
        } else {
            self.slots[slot] = Some(entry);
        }
        self.keys.insert(key, slot);
        self.by_age.insert((whole_at, slot));
        Place { slot, serial: self.serial }
    }

    /// Drops a few whole keys.
    pub(super) fn tidy(&mut self, now: Time) {
        for _ in 0..TIDIED_PER_GRANT {
            let Some((_, slot)) = self.oldest_whole(now) else { return };
            self.drop_slot(slot);
        }
    }

    fn drop_slot(&mut self, slot: usize) {
        if let Some(entry) = self.slots[slot].take() {
            self.by_age.remove(&(entry.whole_at, slot));
            self.keys.remove(&entry.key);
            self.free.push(slot);
        }
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
        let entry = self.slots.get_mut(place.slot)?.as_mut()?;
        if entry.serial != place.serial {
            return None;
        }
        let result = change(&mut entry.usage);
        let whole_at = entry.usage.whole_at(quota);
        if whole_at != entry.whole_at {
            if self.by_age.remove(&(entry.whole_at, place.slot)) {
                self.by_age.insert((whole_at, place.slot));
            }
            entry.whole_at = whole_at;
        }
        Some(result)
    }

    /// Keeps a key in its place while somebody waits for it, or no longer.
    pub(super) fn pin(&mut self, place: Place, pinned: bool) {
        let Some(entry) = self.slots.get_mut(place.slot).and_then(Option::as_mut) else { return };
        if entry.serial == place.serial {
            entry.pinned = pinned;
            if pinned {
                self.by_age.remove(&(entry.whole_at, place.slot));
            } else {
                self.by_age.insert((entry.whole_at, place.slot));
            }
        }
    }

    pub(super) fn key(&self, place: Place) -> Option<&Key> {
        self.entry(place).map(|entry| &entry.key)
    }

    /// What is leased to that key's callers.
    pub(super) fn lease(&self, place: Place) -> Option<Lease> {
        self.entry(place)?.lease
    }

    pub(super) fn set_lease(&mut self, place: Place, lease: Option<Lease>) {
        if let Some(entry) = self.entry_mut(place) {
            entry.lease = lease;
        }
    }

    pub(super) fn spot(&self, place: Place) -> Option<u32> {
        self.entry(place)?.spot
    }

    pub(super) fn set_spot(&mut self, place: Place, spot: Option<u32>) {
        if let Some(entry) = self.entry_mut(place) {
            entry.spot = spot;
        }
    }

    fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.slots.get_mut(place.slot)?.as_mut().filter(|entry| entry.serial == place.serial)
    }

    /// Every key that the gate knows.
    pub(super) fn spots(&self) -> Vec<Place> {
        let slots = self.slots.iter().enumerate();
        let known = slots.filter_map(|(slot, entry)| entry.as_ref().map(|entry| (slot, entry)));
        known
            .filter(|(_, entry)| entry.spot.is_some())
            .map(|(slot, entry)| Place { slot, serial: entry.serial })
            .collect()
    }

    /// A key that the gate knows among those that one grant may drop: what its callers spent decides whether it may.
    pub(super) fn droppable_with_spot(&self, now: Time) -> Option<Place> {
        let whole = self.by_age.iter().take_while(|(whole_at, _)| *whole_at <= now);
        whole.take(TIDIED_PER_GRANT + 1).find_map(|(_, slot)| {
            let entry = self.slots[*slot].as_ref()?;
            entry.spot.is_some().then_some(Place { slot: *slot, serial: entry.serial })
        })
    }

    /// Changes all usages, the shared one too.
    pub(super) fn update_all(&mut self, quota: &Quota, mut change: impl FnMut(&mut Usage)) {
        change(&mut self.overflow);
        self.by_age.clear();
        for (slot, entry) in self.slots.iter_mut().enumerate() {
            if let Some(entry) = entry {
                change(&mut entry.usage);
                entry.whole_at = entry.usage.whole_at(quota);
                if !entry.pinned {
                    self.by_age.insert((entry.whole_at, slot));
                }
            }
        }
    }

    /// Every key that has spent something, in order.
    pub(super) fn spenders(&self, now: Time) -> impl Iterator<Item = (&Key, &Usage)> {
        self.keys.values().filter_map(move |slot| {
            let entry = self.slots[*slot].as_ref()?;
            (entry.whole_at > now).then_some((&entry.key, &entry.usage))
        })
    }

    pub(super) fn overflow(&self) -> &Usage {
        &self.overflow
    }

    pub(super) fn set_overflow(&mut self, usage: Usage) {
        self.overflow = usage;
    }
}
