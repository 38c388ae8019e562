use std::collections::BTreeMap;

use super::entries::{Entries, Entry, NOBODY};
use crate::clock::Time;

/// Slots by the time at which they are whole again: the first is the next that may be dropped. Many become whole at one
/// time, where a window is counted by parts: those are a list that their entries hold together.
#[derive(Debug, Default)]
pub(super) struct Ages(BTreeMap<Time, Ends>);

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

impl Ages {
    /// Puts a slot behind those of the same time.
    pub(super) fn insert(&mut self, entries: &mut Entries, time: Time, slot: u32) {
        let ends = self.0.entry(time).or_insert(Ends { first: slot, last: NOBODY });
        let before = std::mem::replace(&mut ends.last, slot);
        link(entries, before, |entry| entry.behind = slot);
        link(entries, slot, |entry| (entry.before, entry.behind) = (before, NOBODY));
    }

    /// Takes out a slot that stands there under that time.
    pub(super) fn remove(&mut self, entries: &mut Entries, time: Time, slot: u32) {
        let Some(Entry { before, behind, .. }) = entries.get(slot) else { return };
        let (before, behind) = (*before, *behind);
        let Some(ends) = self.0.get_mut(&time) else { return };
        // Whoever is pinned stands nowhere.
        if before == NOBODY && ends.first != slot {
            return;
        }
        if before == NOBODY && behind == NOBODY {
            self.0.remove(&time);
            return;
        }
        if before == NOBODY {
            ends.first = behind;
        }
        if behind == NOBODY {
            ends.last = before;
        }
        link(entries, before, |entry| entry.behind = behind);
        link(entries, behind, |entry| entry.before = before);
        link(entries, slot, |entry| (entry.before, entry.behind) = (NOBODY, NOBODY));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The slot that is whole first.
    pub(super) fn first(&self) -> Option<(Time, u32)> {
        self.0.first_key_value().map(|(time, ends)| (*time, ends.first))
    }

    /// Those that are whole by then, the first ones first.
    pub(super) fn until<'a>(&'a self, entries: &'a Entries, now: Time) -> impl Iterator<Item = u32> + 'a {
        let times = self.0.range(..=now);
        times.flat_map(|(_, ends)| {
            let behind = |slot: &u32| entries.get(*slot).map(|entry| entry.behind);
            std::iter::successors(Some(ends.first), behind).take_while(|slot| *slot != NOBODY)
        })
    }
}

fn link(entries: &mut Entries, slot: u32, change: impl FnOnce(&mut Entry)) {
    if let Some(entry) = entries.get_mut(slot) {
        change(entry);
    }
}
