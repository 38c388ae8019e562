//! Leases by key, for callers who know nothing but a digest of theirs.
//!
//! Each key has a cell. Cells stand in groups: the first bits of a digest say in which, by a directory, and the last ones
//! where in it a cell is looked for first. So a caller that finds its key fetches one line of memory, or two that stand
//! beside each other, and nothing leads to that but the directory, which is small. A group that is full is split in two by
//! one bit more: the table grows as it is used, and never takes longer for one key than for another. The actor alone puts
//! keys in and takes them out. Where no cell is left a key has none, and its callers ask.
//!
//! A caller may look while the actor changes a group. It then finds nothing, which means that it asks.
//!
//! # Why no key spends what is another's
//! A caller reads a cell's word, then the digest, then changes the word, and only if it is still the one that it read.
//!
//! * **Where its key left**, the actor recalled the word first, and gives the cell to nobody in the part of the window in
//!   which it came free, so that the next key's lease is for a later part: the word is another.
//! * **Where cells were moved** in between, so that there is room for more, the word may be another key's and alike. So
//!   whoever took something looks at the directory afterwards: what leads to a group counts how often anything was moved
//!   there, and counts before it is. Whoever finds another number asks, and what it took stays used, whosever it was: never
//!   more than is. While anything is moved, nobody finds anything there.
//! * **Whoever puts a token back** could give another key more than its own, and that cannot be undone. So it says first that
//!   it is about to, and then looks whether anything is being moved; and the actor says first that it is about to move
//!   something, and then looks whether anybody puts back. One of them gives up at least: the caller tells the actor, or the
//!   actor moves nothing for now.
//!
//! Where nothing is changed, as with refusals, all is read again afterwards.
//!
//! Digests have 96 bits and are keyed: that two keys share one is not to be seen, and cannot be brought about.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cell::{AtomicU32, Ordering};
use super::key_group::{CELLS, Digest, FULL, Group, KeyCell};
use super::pieces::Pieces;
use super::tokens::{Left, Term};

/// First bits of digests that groups are told apart by at most: what leads to a group has room for so many.
const DEEPEST: u32 = 16;
/// Counts up in what leads to a group, and is odd while anything is moved there.
const MOVED: u32 = 1 << DEEPEST;
/// Where a key's cell was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat<'a> {
    pub(crate) cell: &'a KeyCell,
    /// The number of the cell, while nothing is moved.
    pub(crate) spot: u32,
    digest: Digest,
    /// What leads to its group, and what that was then.
    lead: &'a AtomicU32,
    seen: u32,
}

impl Seat<'_> {
    /// Whether nothing was moved in its group since.
    #[inline]
    fn is_unmoved(&self) -> bool {
        self.lead.load(Ordering::Acquire) == self.seen
    }

    /// Whether it is still that key's.
    pub(crate) fn is_own(&self) -> bool {
        self.cell.is_of(self.digest) && self.is_unmoved()
    }

    /// Where the actor keeps what it knows of the key.
    pub(crate) fn slot(&self) -> u32 {
        self.cell.slot.load(Ordering::Relaxed)
    }

    /// Takes a token of that part. Returns what is left then.
    pub(crate) fn take(&self, part: u32) -> Option<Left> {
        let left = self.cell.tokens.take(part, 1, || self.cell.is_of(self.digest))?;
        self.is_unmoved().then_some(left)
    }

    /// Takes one of an earlier part's lease, which goes on in `part`; what is left then. `None` where it is no longer as it
    /// was `seen`, or nothing is left.
    pub(crate) fn carry(&self, seen: Left, part: u32) -> Option<Left> {
        let left = self.is_own().then(|| self.cell.tokens.carry(seen, part))??;
        self.is_unmoved().then_some(left)
    }
}

/// What the actor knows of a group besides.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// By how many first bits its digests are alike.
    depth: u32,
    /// How many of its cells are not empty.
    used: usize,
}

/// All cells of one limiter.
#[derive(Debug)]
pub(crate) struct KeyCells {
    /// By the first bits of a digest, what leads to its group: the group's number, and how often anything was moved there.
    directory: Box<[AtomicU32]>,
    /// How many bits that are.
    bits: u32,
    groups: Pieces<Group>,
    /// How many callers are about to put something back.
    giving: AtomicU32,
    known: Mutex<Vec<Known>>,
}

const fn number(lead: u32) -> usize {
    (lead % MOVED) as usize
}

impl KeyCells {
    /// Cells for so many keys: twice as many where all groups are split, so that none of them is too small for its keys.
    pub(crate) fn new(keys: usize) -> Self {
        let groups = keys.div_ceil(CELLS / 2).next_power_of_two().min(1 << DEEPEST);
        KeyCells {
            directory: (0..groups).map(|_| AtomicU32::new(0)).collect(),
            bits: groups.ilog2(),
            groups: Pieces::new(groups),
            giving: AtomicU32::new(0),
            known: Mutex::new(vec![Known::default()]),
        }
    }

    /// Where in the directory a digest is found.
    #[inline]
    fn first_bits(&self, digest: u64) -> usize {
        // Two steps, since there may be none.
        (digest >> 1 >> (u64::BITS - 1 - self.bits)) as usize
    }

    /// The cell of a key.
    pub(crate) fn find(&self, digest: Digest) -> Option<Seat<'_>> {
        let lead = self.directory.get(self.first_bits(digest.0))?;
        let seen = lead.load(Ordering::Acquire);
        if seen & MOVED != 0 {
            return None;
        }
        let (place, cell) = self.groups.at(number(seen))?.find(digest)?;
        Some(Seat { cell, spot: (number(seen) * CELLS + place) as u32, digest, lead, seen })
    }

    /// Takes a token of that part, where the key stands in its own line; what is left then, and when more is. The same as to
    /// [`find`](KeyCells::find) it and [`take`](Seat::take) one, for what most callers find.
    #[inline]
    pub(crate) fn take_at_once(&self, digest: Digest, part: u32) -> Option<(Left, u64)> {
        let lead = self.directory.get(self.first_bits(digest.0))?;
        let seen = lead.load(Ordering::Acquire);
        if seen & MOVED != 0 {
            return None;
        }
        let cell = self.groups.at(number(seen))?.nearest(digest);
        let left = cell.tokens.take(part, 1, || cell.is_of(digest))?;
        (lead.load(Ordering::Acquire) == seen).then(|| (left, cell.more_at()))
    }

    /// The cell of that number.
    pub(crate) fn cell(&self, number: u32) -> Option<&KeyCell> {
        self.groups.at(number as usize / CELLS)?.0.get(number as usize % CELLS)
    }

    /// Puts a token of a key back; `false` where its lease is over, or that cannot be told now.
    #[must_use = "what came too late is to be told to the actor"]
    pub(crate) fn put_back(&self, digest: Digest, term: Term) -> bool {
        self.giving.fetch_add(1, Ordering::AcqRel);
        let is_back = self.find(digest).is_some_and(|seat| seat.cell.tokens.put_back(term, 1));
        self.giving.fetch_sub(1, Ordering::Release);
        is_back
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a key a cell; `None` where none is left. For the actor alone; `part` is the one that runs.
    pub(crate) fn assign(&self, digest: Digest, slot: u32, part: u32) -> Option<u32> {
        let mut known = self.known();
        let at = self.first_bits(digest.0);
        let group = loop {
            let group = number(self.directory[at].load(Ordering::Relaxed));
            if known[group].used < FULL || !self.make_room(&mut known, at, part) {
                break group;
            }
        };
        let cells = self.groups.made_at(group)?;
        let is_free = |cell: &KeyCell| Group::is_empty(cell) || cell.has_rested(part);
        let place = cells.place_for(digest.0, is_free)?;
        known[group].used += usize::from(Group::is_empty(&cells.0[place]));
        cells.0[place].give_to(digest, slot);
        Some((group * CELLS + place) as u32)
    }

    /// What leads to the same group as what stands there in the directory.
    fn leads(&self, at: usize, depth: u32) -> &[AtomicU32] {
        let all = 1 << (self.bits - depth);
        &self.directory[at / all * all..][..all]
    }

    /// Makes room in a group that is full: splits it, or where too few keys stand there moves them closer together. Whether
    /// that made any.
    fn make_room(&self, known: &mut Vec<Known>, at: usize, part: u32) -> bool {
        let group = number(self.directory[at].load(Ordering::Relaxed));
        let depth = known[group].depth;
        let Some(cells) = self.groups.made_at(group) else { return false };
        let splits = depth < self.bits && cells.taken() * 2 > FULL;
        let leads = self.leads(at, depth);
        let count = || leads.iter().for_each(|lead| _ = lead.fetch_add(MOVED, Ordering::AcqRel));
        count();
        // Whoever comes to put back later than this reads what was written here, and so what was counted before.
        let moves = self.giving.fetch_add(0, Ordering::AcqRel) == 0;
        if moves {
            if splits {
                self.split(known, group, leads);
            }
            cells.close_up(part);
            known[group].used = cells.used();
        }
        count();
        moves && (splits || known[group].used < FULL)
    }

    /// Gives those of a group that have the next bit a group of their own.
    fn split(&self, known: &mut Vec<Known>, group: usize, leads: &[AtomicU32]) {
        let new = known.len();
        let Some(cells) = self.groups.made_at(group).zip(self.groups.made_at(new)) else { return };
        known[group].depth += 1;
        let depth = known[group].depth;
        cells.0.divide(cells.1, |digest| digest >> (u64::BITS - depth) & 1 == 1);
        known.push(Known { depth, used: cells.1.used() });
        for lead in &leads[leads.len() / 2..] {
            lead.store(lead.load(Ordering::Relaxed) / MOVED * MOVED + new as u32, Ordering::Release);
        }
    }

    /// Takes a key's cell away, after what was leased there was recalled. For the actor alone.
    pub(crate) fn free(&self, number: u32, part: u32) {
        if let Some(cell) = self.cell(number) {
            cell.free(part);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn digest(key: u32) -> Digest {
        (u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20) | 1, key)
    }

    fn found(cells: &KeyCells, key: u32) -> Option<u32> {
        cells.find(digest(key)).map(|seat| seat.slot())
    }

    #[test]
    fn a_key_is_found_with_its_lease_however_many_came_and_went_since() {
        let cells = KeyCells::new(30_000);
        let left = |tokens| Left { term: Term::new(1, 7), tokens };
        for key in 0..30_000 {
            let spot = cells.assign(digest(key), key, 1).unwrap();
            cells.cell(spot).unwrap().set_more_at(key.into());
            cells.cell(spot).unwrap().tokens.lease(left(key));
        }
        for key in (0..30_000).step_by(3) {
            let seat = cells.find(digest(key)).unwrap();
            assert_eq!(seat.cell.tokens.recall(), left(key));
            cells.free(seat.spot, 1);
        }
        for key in (30_000..40_000).chain((0..30_000).filter(|key| key % 3 != 0)) {
            if key >= 30_000 {
                let spot = cells.assign(digest(key), key, 2).unwrap();
                cells.cell(spot).unwrap().set_more_at(key.into());
                cells.cell(spot).unwrap().tokens.lease(left(key));
            }
            let seat = cells.find(digest(key)).unwrap();
            assert_eq!((seat.slot(), seat.cell.more_at()), (key, key.into()));
            assert_eq!(seat.cell.tokens.left(), Some(left(key)));
        }
        assert!((0..30_000).step_by(3).all(|key| found(&cells, key).is_none()));
        let groups = cells.known();
        let used: usize = groups.iter().map(|group| group.used).sum();
        assert!(groups.len() <= cells.directory.len(), "{} groups for {used} cells", groups.len());
        assert!(used <= 40_000);
    }

    #[test]
    fn what_comes_and_goes_for_ever_takes_no_more_cells_and_no_longer_ways() {
        let cells = KeyCells::new(500);
        for key in 0..100_000_u32 {
            cells.assign(digest(key), key, key / 50).unwrap();
            if let Some(old) = key.checked_sub(500) {
                cells.free(cells.find(digest(old)).unwrap().spot, key / 50);
            }
        }
        assert!((99_500..100_000).all(|key| found(&cells, key) == Some(key)));
        assert!(cells.known().len() <= cells.directory.len());
    }

    #[test]
    fn a_cell_rests_for_the_part_in_which_it_came_free_and_where_none_is_left_a_key_has_none() {
        let cells = KeyCells::new(1);
        let most = u32::try_from(CELLS).unwrap();
        let first = cells.assign(digest(0), 0, 7).unwrap();
        cells.free(first, 7);
        let others: Vec<u32> = (1..most).map(|key| cells.assign(digest(key), key, 7).unwrap()).collect();
        assert!(!others.contains(&first));
        assert_eq!(cells.assign(digest(most), most, 7), None);
        assert!(cells.assign(digest(most), most, 8).is_some());
    }

    #[test]
    fn while_somebody_puts_back_nothing_is_moved_and_whoever_comes_has_a_cell_all_the_same() {
        let cells = KeyCells::new(1_000);
        let full = u32::try_from(FULL).unwrap();
        (0..full).for_each(|key| _ = cells.assign(digest(key), key, 1));
        cells.giving.store(1, Ordering::Relaxed);
        let seat = cells.find(digest(0)).unwrap();
        assert!(cells.assign(digest(full), full, 1).is_some());
        assert_eq!((cells.known().len(), seat.spot), (1, cells.find(digest(0)).unwrap().spot));
        cells.giving.store(0, Ordering::Relaxed);
        assert!(cells.assign(digest(full + 1), full + 1, 1).is_some());
        assert_eq!(cells.known().len(), 2);
        assert!((0..full + 2).all(|key| found(&cells, key) == Some(key)));
    }

    #[test]
    fn whoever_found_its_cell_before_anything_was_moved_gets_nothing_of_it() {
        let cells = KeyCells::new(1_000);
        let spot = cells.assign(digest(0), 0, 1).unwrap();
        cells.cell(spot).unwrap().tokens.lease(Left { term: Term::new(1, 0), tokens: 5 });
        let seat = cells.find(digest(0)).unwrap();
        assert_eq!(seat.take(1).map(|left| left.tokens), Some(4));
        (1..=u32::try_from(FULL).unwrap()).for_each(|key| _ = cells.assign(digest(key), key, 1));
        assert!(seat.take(1).is_none() && !seat.is_own());
        let seat = cells.find(digest(0)).unwrap();
        assert!(seat.take(1).is_some_and(|left| left.tokens >= 2));
        assert!(cells.put_back(digest(0), Term::new(1, 0)) && !cells.put_back(digest(0), Term::new(1, 1)));
    }
}
