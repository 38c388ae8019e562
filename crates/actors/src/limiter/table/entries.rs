use super::key::{Key, Sought};
use crate::limiter::usage::Usage;

/// No slot.
pub(super) const NOBODY: u32 = u32::MAX;
/// No lease.
pub(super) const UNLEASED: u64 = u64::MAX;

/// What is kept of one key: at most 88 bytes, beside its text.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) usage: Usage,
    /// Tells it apart from what stood in the same slot before.
    pub(super) serial: u64,
    /// What its callers may spend without asking, and for which part.
    pub(super) part: u64,
    pub(super) tokens: u32,
    /// Where the gate keeps that, or kept it last.
    pub(super) spot: Option<Spot>,
    /// How many leases it has had, modulo 256.
    pub(super) turn: u8,
    pub(super) hash: u32,
    /// The next one that hashes alike.
    pub(super) alike: u32,
    /// Its neighbours among those that are whole again at the same time.
    pub(super) before: u32,
    pub(super) behind: u32,
    /// Somebody waits for it: it keeps its place even when its quota is whole.
    pub(super) pinned: bool,
}

/// A spot of the gate, as a number that leaves room for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot(std::num::NonZeroU32);

impl Spot {
    pub(super) fn new(spot: u32) -> Self {
        Spot(std::num::NonZeroU32::MIN.saturating_add(spot))
    }

    pub(super) fn number(self) -> u32 {
        // The last one stands for the quota that all share, and is the only one that no addition reaches.
        if self.0 == std::num::NonZeroU32::MAX { u32::MAX } else { self.0.get() - 1 }
    }
}

/// Entries by slot, in pieces, so that no growth moves what is there: a table of a million keys would else hold its
/// callers for as long as it takes to copy them.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pieces: Vec<Vec<Option<Entry>>>,
    free: Vec<u32>,
    /// By hash: the first of those that hash alike.
    heads: Heads,
    standing: usize,
}

const PIECE: usize = 256;

fn at(slot: u32) -> (usize, usize) {
    (slot as usize / PIECE, slot as usize % PIECE)
}

impl Entries {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.standing
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
        let mut slot = self.heads.first(hash);
        while let Some(entry) = self.get(slot) {
            if entry.hash == hash && entry.key.sought() == key {
                return Some((slot, entry));
            }
            slot = entry.alike;
        }
        None
    }

    /// Takes an entry in; its slot.
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        let hash = entry.hash;
        let entry = Some(Entry { alike: self.heads.first(hash), ..entry });
        let slot = match self.free.pop() {
            Some(slot) => {
                let (piece, place) = at(slot);
                self.pieces[piece][place] = entry;
                slot
            }
            None => self.push(entry),
        };
        self.heads.set(hash, slot);
        self.standing += 1;
        if self.standing > self.heads.len() {
            self.split();
        }
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

    pub(super) fn remove(&mut self, slot: u32) -> Option<Entry> {
        let (piece, place) = at(slot);
        let entry = self.pieces.get_mut(piece)?.get_mut(place)?.take()?;
        let mut before = self.heads.first(entry.hash);
        if before == slot {
            self.heads.set(entry.hash, entry.alike);
        } else {
            while let Some(one) = self.get_mut(before) {
                if one.alike == slot {
                    one.alike = entry.alike;
                    break;
                }
                before = one.alike;
            }
        }
        self.free.push(slot);
        self.standing -= 1;
        Some(entry)
    }

    /// One head more: those of one other are split between the two. So no growth takes longer than another.
    fn split(&mut self) {
        let (from, to) = self.heads.grow();
        let mut slot = std::mem::replace(self.heads.at_mut(from), NOBODY);
        while let Some(entry) = self.get(slot) {
            let (hash, next) = (entry.hash, entry.alike);
            let head = if self.heads.number(hash) == to { to } else { from };
            let first = std::mem::replace(self.heads.at_mut(head), slot);
            if let Some(entry) = self.get_mut(slot) {
                entry.alike = first;
            }
            slot = next;
        }
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

/// The first slot by hash: linear hashing, which grows by one head at a time.
#[derive(Debug)]
struct Heads {
    pieces: Vec<Vec<u32>>,
    len: usize,
}

impl Default for Heads {
    fn default() -> Self {
        Heads { pieces: vec![vec![NOBODY]], len: 1 }
    }
}

const HEADS: usize = 1_024;

impl Heads {
    fn len(&self) -> usize {
        self.len
    }

    /// Those below the last power of two stand for two until they are split.
    fn number(&self, hash: u32) -> usize {
        let all = self.len.next_power_of_two();
        let number = hash as usize & (all - 1);
        if number < self.len { number } else { number & (all / 2 - 1) }
    }

    fn first(&self, hash: u32) -> u32 {
        let number = self.number(hash);
        self.pieces[number / HEADS][number % HEADS]
    }

    fn set(&mut self, hash: u32, slot: u32) {
        let number = self.number(hash);
        *self.at_mut(number) = slot;
    }

    fn at_mut(&mut self, number: usize) -> &mut u32 {
        &mut self.pieces[number / HEADS][number % HEADS]
    }

    /// One more; which one is to be split, and what it shares with.
    fn grow(&mut self) -> (usize, usize) {
        let new = self.len;
        if new.is_multiple_of(HEADS) {
            self.pieces.push(Vec::with_capacity(HEADS));
        }
        self.pieces[new / HEADS].push(NOBODY);
        self.len += 1;
        (new - self.len.next_power_of_two() / 2, new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Algorithm;

    fn entry(key: &str) -> Entry {
        let key = Sought::new(key);
        Entry {
            key: key.kept(),
            usage: Usage::new(Algorithm::SlidingWindow),
            serial: 0,
            part: UNLEASED,
            tokens: 0,
            spot: None,
            turn: 0,
            hash: key.hash(7),
            alike: NOBODY,
            before: NOBODY,
            behind: NOBODY,
            pinned: false,
        }
    }

    #[test]
    fn an_entry_is_found_however_many_came_and_went_since() {
        let mut entries = Entries::default();
        let names: Vec<String> = (0..3_000).map(|name| format!("key-{name}")).collect();
        let slots: Vec<u32> = names.iter().map(|name| entries.insert(entry(name))).collect();
        for (name, slot) in names.iter().zip(&slots).step_by(3) {
            assert_eq!(entries.remove(*slot).unwrap().key.sought(), Sought::new(name));
            assert!(entries.remove(*slot).is_none());
        }
        for (index, (name, slot)) in names.iter().zip(&slots).enumerate() {
            let key = Sought::new(name);
            let found = entries.find(key, key.hash(7)).map(|(slot, _)| slot);
            assert_eq!(found, (!index.is_multiple_of(3)).then_some(*slot), "{name}");
        }
        assert_eq!((entries.len(), entries.iter().count()), (2_000, 2_000));
        assert_eq!(entries.slots().count(), 3_000);
        entries.insert(entry("another"));
        assert_eq!(entries.slots().count(), 3_000, "what was left is taken first");
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Option<Entry>>() <= 88, "{}", size_of::<Option<Entry>>());
    }
}
