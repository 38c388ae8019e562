use super::index::Index;
use super::key::{Key, Sought};
use crate::limiter::usage::Usage;

/// No slot.
pub(super) const NOBODY: u32 = u32::MAX;
/// No lease.
pub(super) const UNLEASED: u64 = u64::MAX;

/// What is kept of one key: at most 72 bytes, beside its text and its place in the index.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) usage: Usage,
    /// Tells it apart from what stood in the same slot before.
    pub(super) serial: u64,
    /// What its callers may spend without asking, and for which part.
    pub(super) part: u64,
    pub(super) tokens: u32,
    /// How many leases it has had, modulo 256.
    pub(super) turn: u8,
    /// The gate has a cell for it.
    pub(super) shown: bool,
    /// Its neighbours among those that are whole again at the same time.
    pub(super) before: u32,
    pub(super) behind: u32,
    /// Somebody waits for it: it keeps its place even when its quota is whole.
    pub(super) pinned: bool,
}

/// Entries by slot, in pieces, so that no growth moves what is there: a table of a million keys would else hold its
/// callers for as long as it takes to copy them.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pieces: Vec<Vec<Option<Entry>>>,
    free: Vec<u32>,
    index: Index,
}

const PIECE: usize = 256;

fn at(slot: u32) -> (usize, usize) {
    (slot as usize / PIECE, slot as usize % PIECE)
}

impl Entries {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Entry> {
        let (piece, place) = at(slot);
        self.pieces.get(piece)?.get(place)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        let (piece, place) = at(slot);
        self.pieces.get_mut(piece)?.get_mut(place)?.as_mut()
    }

    pub(super) fn find(&self, key: Sought<'_>, hash: u32) -> Option<(u32, &Entry)> {
        let is_it = |slot: u32| self.get(slot).is_some_and(|entry| entry.key.is(key));
        let slot = self.index.find(hash, is_it)?;
        Some((slot, self.get(slot)?))
    }

    /// Takes an entry in, whose key hashes so; its slot.
    pub(super) fn insert(&mut self, entry: Entry, hash: u32) -> u32 {
        let entry = Some(entry);
        let slot = match self.free.pop() {
            Some(slot) => {
                let (piece, place) = at(slot);
                self.pieces[piece][place] = entry;
                slot
            }
            None => self.push(entry),
        };
        self.index.insert(hash, slot);
        slot
    }

    fn push(&mut self, entry: Option<Entry>) -> u32 {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            // The first one grows from nothing: most limiters have one key.
            let room = if self.pieces.is_empty() { 0 } else { PIECE };
            self.pieces.push(Vec::with_capacity(room));
        }
        let piece = self.pieces.len() - 1;
        self.pieces[piece].push(entry);
        u32::try_from(piece * PIECE + self.pieces[piece].len() - 1).unwrap_or(NOBODY)
    }

    /// Takes an entry out; `hash` says how its key hashes.
    pub(super) fn remove(&mut self, slot: u32, hash: impl FnOnce(&Key) -> u32) -> Option<Entry> {
        let (piece, place) = at(slot);
        let entry = self.pieces.get_mut(piece)?.get_mut(place)?.take()?;
        self.index.remove(hash(&entry.key), slot);
        self.free.push(slot);
        Some(entry)
    }

    /// All, by slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let all = self.pieces.iter().flatten().zip(0..);
        all.filter_map(|(entry, slot)| Some((slot, entry.as_ref()?)))
    }

    /// All slots, whether or not something stands there.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        let pieces = self.pieces.len().saturating_sub(1) * PIECE;
        let all = pieces + self.pieces.last().map_or(0, Vec::len);
        0..u32::try_from(all).unwrap_or(NOBODY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Algorithm;

    fn hash(key: &Key) -> u32 {
        key.hash(7)
    }

    fn entry(key: &str) -> Entry {
        Entry {
            key: Sought::new(key).kept(),
            usage: Usage::new(Algorithm::SlidingWindow),
            serial: 0,
            part: UNLEASED,
            tokens: 0,
            turn: 0,
            shown: false,
            before: NOBODY,
            behind: NOBODY,
            pinned: false,
        }
    }

    fn insert(entries: &mut Entries, key: &str) -> u32 {
        let entry = entry(key);
        let hash = hash(&entry.key);
        entries.insert(entry, hash)
    }

    #[test]
    fn an_entry_is_found_however_many_came_and_went_since() {
        let mut entries = Entries::default();
        let names: Vec<String> = (0..3_000).map(|name| format!("key-{name}")).collect();
        let slots: Vec<u32> = names.iter().map(|name| insert(&mut entries, name)).collect();
        for (name, slot) in names.iter().zip(&slots).step_by(3) {
            assert!(entries.remove(*slot, hash).unwrap().key.is(Sought::new(name)));
            assert!(entries.remove(*slot, hash).is_none());
        }
        for (index, (name, slot)) in names.iter().zip(&slots).enumerate() {
            let key = Sought::new(name);
            let found = entries.find(key, key.hash(7)).map(|(slot, _)| slot);
            assert_eq!(found, (!index.is_multiple_of(3)).then_some(*slot), "{name}");
        }
        assert_eq!((entries.len(), entries.iter().count()), (2_000, 2_000));
        assert_eq!(entries.slots().count(), 3_000);
        insert(&mut entries, "another");
        assert_eq!(entries.slots().count(), 3_000, "what was left is taken first");
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Option<Entry>>() <= 72, "{}", size_of::<Option<Entry>>());
    }
}
