//! The cells of keys, and where in a group of them a key stands.

use super::cell::{AtomicU32, AtomicU64, Ordering};
use super::tokens::Tokens;

/// A keyed digest of a key. The lower part is always odd.
pub(crate) type Digest = (u64, u32);

/// Cells of a group: they fill a page of memory.
#[cfg(not(loom))]
pub(crate) const CELLS: usize = 128;
#[cfg(loom)]
pub(crate) const CELLS: usize = 4;
/// With so many in use a group is split: the last ones would be looked for at length.
#[cfg(not(loom))]
pub(crate) const FULL: usize = 120;
#[cfg(loom)]
pub(crate) const FULL: usize = 2;
/// Stands for a digest where a key has left. The part in which it did stands beside it.
const RESTING: u64 = 2;

/// The lease of one key: two of them are what processors fetch at once.
#[derive(Debug)]
#[repr(align(32))]
pub(crate) struct KeyCell {
    /// The digest; zero where no key stands here.
    lower: AtomicU64,
    upper: AtomicU32,
    /// Where its actor keeps what it knows of the key.
    pub(crate) slot: AtomicU32,
    /// What is leased.
    pub(crate) tokens: Tokens,
    /// When more is left than now, in nanoseconds.
    more_at: AtomicU64,
}

impl Default for KeyCell {
    fn default() -> Self {
        let (long, short) = (|| AtomicU64::new(0), || AtomicU32::new(0));
        KeyCell { lower: long(), upper: short(), slot: short(), tokens: Tokens::default(), more_at: long() }
    }
}

impl KeyCell {
    /// Whether it is this key's.
    #[inline]
    pub(crate) fn is_of(&self, digest: Digest) -> bool {
        self.lower.load(Ordering::Acquire) == digest.0 && self.upper.load(Ordering::Acquire) == digest.1
    }

    /// The lower part of the digest of the key that stands here.
    fn taken(&self) -> Option<u64> {
        Some(self.lower.load(Ordering::Relaxed)).filter(|lower| *lower & 1 == 1)
    }

    /// Whether its key left, and in another part than this one.
    pub(crate) fn has_rested(&self, part: u32) -> bool {
        self.lower.load(Ordering::Relaxed) == RESTING && self.upper.load(Ordering::Relaxed) != part
    }

    /// When more is left than now, in nanoseconds.
    #[inline]
    pub(crate) fn more_at(&self) -> u64 {
        self.more_at.load(Ordering::Acquire)
    }

    /// Says when more will be left. For the actor alone, before it leases.
    pub(crate) fn set_more_at(&self, nanos: u64) {
        self.more_at.store(nanos, Ordering::Release);
    }

    /// Gives it to a key. For the actor alone.
    pub(crate) fn give_to(&self, digest: Digest, slot: u32) {
        self.slot.store(slot, Ordering::Relaxed);
        self.upper.store(digest.1, Ordering::Release);
        self.lower.store(digest.0, Ordering::Release);
    }

    /// Takes it from its key, after what was leased there was recalled. For the actor alone; `part` is the one that runs.
    pub(crate) fn free(&self, part: u32) {
        self.lower.store(RESTING, Ordering::Release);
        self.upper.store(part, Ordering::Release);
    }

    /// Moves a key to where none stands, with its lease.
    fn move_to(&self, to: &KeyCell) {
        let digest = (self.lower.swap(0, Ordering::AcqRel), self.upper.load(Ordering::Relaxed));
        to.set_more_at(self.more_at());
        self.tokens.move_to(&to.tokens);
        to.give_to(digest, self.slot.load(Ordering::Relaxed));
    }
}

/// Cells whose digests begin alike. A key stands at the first free place from its own on, or at the beginning behind the last.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Group(pub(crate) [KeyCell; CELLS]);

impl Default for Group {
    fn default() -> Self {
        Group(std::array::from_fn(|_| KeyCell::default()))
    }
}

/// Where a key is looked for first: where a line of memory begins.
#[inline]
const fn home(digest: u64) -> usize {
    digest as usize & (CELLS - 2)
}

/// How far behind its own place a key would stand there.
const fn away(place: usize, digest: u64) -> usize {
    place.wrapping_sub(home(digest)) % CELLS
}

impl Group {
    /// The cell in its own line that may be that key's. Which of the two is found without a branch: a processor that has
    /// foreseen a wrong one begins again with all that it did while it waited for that line.
    #[inline]
    pub(crate) fn nearest(&self, digest: Digest) -> &KeyCell {
        let first = home(digest.0);
        &self.0[first + usize::from(self.0[first + 1].lower.load(Ordering::Acquire) == digest.0)]
    }

    /// The place of a key, and its cell.
    pub(crate) fn find(&self, digest: Digest) -> Option<(usize, &KeyCell)> {
        for step in 0..CELLS {
            let place = (home(digest.0) + step) % CELLS;
            let cell = &self.0[place];
            let lower = cell.lower.load(Ordering::Acquire);
            if lower == digest.0 && cell.upper.load(Ordering::Acquire) == digest.1 {
                return Some((place, cell));
            }
            if lower == 0 {
                break;
            }
        }
        None
    }

    /// The first place for that key that `is_free`.
    pub(crate) fn place_for(&self, digest: u64, is_free: impl Fn(&KeyCell) -> bool) -> Option<usize> {
        (0..CELLS).map(|step| (home(digest) + step) % CELLS).find(|place| is_free(&self.0[*place]))
    }

    pub(crate) fn is_empty(cell: &KeyCell) -> bool {
        cell.lower.load(Ordering::Relaxed) == 0
    }

    /// Moves those that `go` to another group, which has room for them.
    pub(crate) fn divide(&self, to: &Group, go: impl Fn(u64) -> bool) {
        for cell in &self.0 {
            if let Some(digest) = cell.taken().filter(|digest| go(*digest))
                && let Some(place) = to.place_for(digest, Group::is_empty)
            {
                cell.move_to(&to.0[place]);
            }
        }
    }

    /// Moves all to their first free places, and those that have rested are free.
    pub(crate) fn close_up(&self, part: u32) {
        let rested = self.0.iter().filter(|cell| cell.has_rested(part));
        rested.for_each(|cell| cell.lower.store(0, Ordering::Release));
        let mut has_moved = true;
        while std::mem::take(&mut has_moved) {
            for (place, cell) in self.0.iter().enumerate() {
                if let Some(digest) = cell.taken()
                    && let Some(free) = self.place_for(digest, Group::is_empty)
                    && away(free, digest) < away(place, digest)
                {
                    cell.move_to(&self.0[free]);
                    has_moved = true;
                }
            }
        }
    }

    /// At how many places keys stand.
    pub(crate) fn taken(&self) -> usize {
        self.0.iter().filter(|cell| cell.taken().is_some()).count()
    }

    /// How many are not empty.
    pub(crate) fn used(&self) -> usize {
        self.0.iter().filter(|cell| !Group::is_empty(cell)).count()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn two_cells_are_fetched_at_once_and_a_group_fills_a_page() {
        assert_eq!((size_of::<KeyCell>(), size_of::<Group>()), (32, 4_096));
    }
}
