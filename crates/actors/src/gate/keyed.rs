//! Leases by key, for callers who know nothing but a digest of theirs.
//!
//! Each key has a cell. Cells whose digests end alike hang together in a chain, and a word says where it begins. There
//! are twice as many chains as there are keys, so that most keys stand alone: with one key more, two chains are split,
//! so that the table grows as it is used, never copies what it holds, and never takes longer for one key than for
//! another. The actor alone puts keys in and takes them out. Where no cell is left a key has none, and its callers ask.
//!
//! A caller walks a chain while the actor may change it: it may come off into another one, or find an end too early. It
//! then finds nothing, which means that it asks; and it gives up after so many cells, so that it always ends.
//!
//! # Why no key spends what is another's
//! A caller reads a cell's word, then the digest, then changes the word, and only if it is still the one that it read.
//! Where the cell went to another key in between, the word is another, too: the actor recalls it first, and gives the cell
//! to nobody in the part of the window in which it came free, so that the next key's lease is for a later part. Where
//! nothing is changed, as with refusals, the digest is read again afterwards.
//!
//! Digests have 96 bits and are keyed: that two keys share one is not to be seen, and cannot be brought about.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::cell::{AtomicU32, AtomicU64, Ordering};
use super::tokens::Tokens;

/// A keyed digest of a key. The lower part is never zero.
pub(crate) type Digest = (u64, u32);

/// Cells and beginnings that are made at a time: first so many, then as many as there are, and at last so many. A few keys
/// take little, and where the pieces of many keys are stays near at hand.
const FIRST_PIECE: usize = 128;
const PIECE: usize = 1_024;
/// The first piece of full size.
const FIRST_WHOLE: usize = 1 + (PIECE / FIRST_PIECE).ilog2() as usize;
/// Chains for each key: where most keys stand alone, finding one seldom fetches another's cell first.
const CHAINS: usize = 2;
/// A caller that has seen so many cells has lost its way: chains are one long, or few more.
const LONGEST_WALK: usize = 64;

/// The lease of one key: two of them are what processors fetch at once.
#[derive(Debug)]
#[repr(align(32))]
pub(crate) struct KeyCell {
    /// The digest; zero where no key stands here.
    lower: AtomicU64,
    upper: AtomicU32,
    /// What is leased.
    pub(crate) tokens: Tokens,
    /// When more is left than now, in nanoseconds.
    more_at: AtomicU64,
    /// One more than the number of the next cell of its chain; zero at its end.
    next: AtomicU32,
}

impl Default for KeyCell {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        KeyCell {
            lower: zero(),
            upper: AtomicU32::new(0),
            tokens: Tokens::default(),
            more_at: zero(),
            next: AtomicU32::new(0),
        }
    }
}

impl KeyCell {
    /// Whether it is this key's.
    #[inline]
    pub(crate) fn is_of(&self, digest: Digest) -> bool {
        self.lower.load(Ordering::Acquire) == digest.0 && self.upper.load(Ordering::Acquire) == digest.1
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
}

/// Things by number, made by the piece when the first of one is needed: a table that may grow large costs little while it
/// is not.
#[derive(Debug)]
struct Pieces<T>(Box<[OnceLock<Box<[T]>>]>);

/// The piece in which a number stands, and where.
#[inline]
fn piece_of(number: usize) -> (usize, usize) {
    if number >= PIECE {
        return (number / PIECE - 1 + FIRST_WHOLE, number % PIECE);
    }
    match (number / FIRST_PIECE).checked_ilog2() {
        None => (0, number),
        Some(log) => (log as usize + 1, number - (FIRST_PIECE << log)),
    }
}

/// How many stand in so many pieces.
fn in_pieces(pieces: usize) -> usize {
    match pieces {
        0 => 0,
        pieces if pieces <= FIRST_WHOLE => FIRST_PIECE << (pieces - 1),
        pieces => (pieces - FIRST_WHOLE + 1) * PIECE,
    }
}

impl<T: Default> Pieces<T> {
    fn new(most: usize) -> Self {
        let pieces = most.checked_sub(1).map_or(0, |last| piece_of(last).0 + 1);
        Pieces((0..pieces).map(|_| OnceLock::new()).collect())
    }

    #[inline]
    fn at(&self, number: usize) -> Option<&T> {
        let (piece, place) = piece_of(number);
        self.0.get(piece)?.get()?.get(place)
    }

    fn made_at(&self, number: usize) -> Option<&T> {
        let (piece, place) = piece_of(number);
        let size = in_pieces(piece + 1) - in_pieces(piece);
        self.0.get(piece)?.get_or_init(|| (0..size).map(|_| T::default()).collect()).get(place)
    }

    fn most(&self) -> usize {
        in_pieces(self.0.len())
    }
}

/// What the actor knows of the cells besides.
#[derive(Debug, Default)]
struct Kept {
    /// So many cells were ever given to keys.
    used: u32,
    /// How many are.
    taken: usize,
    /// Those that came free, and the part in which each did, the oldest first.
    free: VecDeque<(u32, u32)>,
}

/// All cells of one limiter.
#[derive(Debug)]
pub(crate) struct KeyCells {
    /// How many chains there are.
    chains: AtomicU64,
    /// Where each begins: one more than the number of its first cell.
    first: Pieces<AtomicU32>,
    cells: Pieces<KeyCell>,
    kept: Mutex<Kept>,
}

/// The chain, of so many, in which a digest stands. Those below the last power of two stand for two until they are split.
#[inline]
fn chain(digest: u64, chains: u64) -> usize {
    let all = chains.next_power_of_two();
    // The lowest bit is always set.
    let number = (digest >> 1) & (all - 1);
    let number = if number < chains { number } else { number & (all / 2 - 1) };
    usize::try_from(number).unwrap_or(0)
}

impl KeyCells {
    /// Cells for so many keys: half as many again, since one that came free rests for a while.
    pub(crate) fn new(keys: usize) -> Self {
        KeyCells {
            chains: AtomicU64::new(1),
            first: Pieces::new(keys.saturating_mul(CHAINS)),
            cells: Pieces::new(keys.saturating_add(keys / 2 + 1)),
            kept: Mutex::default(),
        }
    }

    /// The cell of a key, and its number.
    #[inline]
    pub(crate) fn find(&self, digest: Digest) -> Option<(&KeyCell, u32)> {
        let chains = self.chains.load(Ordering::Acquire);
        let mut next = self.first.at(chain(digest.0, chains))?.load(Ordering::Acquire);
        for _ in 0..LONGEST_WALK {
            let number = next.checked_sub(1)?;
            let cell = self.cell(number)?;
            if cell.is_of(digest) {
                return Some((cell, number));
            }
            next = cell.next.load(Ordering::Acquire);
        }
        None
    }

    /// The cell of that number.
    #[inline]
    pub(crate) fn cell(&self, number: u32) -> Option<&KeyCell> {
        self.cells.at(number as usize)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a key a cell; `None` where none is left. For the actor alone; `part` is the one that runs.
    pub(crate) fn assign(&self, digest: Digest, part: u32) -> Option<u32> {
        let mut kept = self.kept();
        let number = match kept.free.front() {
            Some((number, freed)) if *freed != part => {
                let number = *number;
                kept.free.pop_front();
                number
            }
            _ => {
                let number = kept.used;
                self.cells.made_at(number as usize)?;
                kept.used += 1;
                number
            }
        };
        let cell = self.cell(number)?;
        cell.upper.store(digest.1, Ordering::Release);
        cell.lower.store(digest.0, Ordering::Release);
        let chains = self.chains.load(Ordering::Relaxed);
        self.hang(chain(digest.0, chains), number, cell);
        kept.taken += 1;
        let wanted = kept.taken.saturating_mul(CHAINS).min(self.first.most()) as u64;
        (chains..wanted).take(CHAINS).for_each(|chains| self.split(chains));
        Some(number)
    }

    /// Hangs a cell into a chain, in front.
    fn hang(&self, chain: usize, number: u32, cell: &KeyCell) {
        if let Some(first) = self.first.made_at(chain) {
            cell.next.store(first.load(Ordering::Relaxed), Ordering::Release);
            first.store(number + 1, Ordering::Release);
        }
    }

    /// One chain more: one of those that there are is split between itself and that.
    fn split(&self, chains: u64) {
        let (all, new) = (chains + 1, usize::try_from(chains).unwrap_or(0));
        let from = new - usize::try_from(all.next_power_of_two() / 2).unwrap_or(0);
        self.first.made_at(new);
        let Some(first) = self.first.made_at(from) else { return };
        let mut next = first.swap(0, Ordering::AcqRel);
        while let Some(number) = next.checked_sub(1)
            && let Some(cell) = self.cell(number)
        {
            next = cell.next.load(Ordering::Relaxed);
            let digest = cell.lower.load(Ordering::Relaxed);
            self.hang(chain(digest, all), number, cell);
        }
        self.chains.store(all, Ordering::Release);
    }

    /// Takes a key's cell away, after what was leased there was recalled. For the actor alone.
    pub(crate) fn free(&self, number: u32, part: u32) {
        let Some(cell) = self.cell(number) else { return };
        let mut kept = self.kept();
        let chains = self.chains.load(Ordering::Relaxed);
        let digest = cell.lower.swap(0, Ordering::AcqRel);
        let mut link = self.first.at(chain(digest, chains));
        while let Some(next) = link {
            let found = next.load(Ordering::Relaxed);
            if found == number + 1 {
                next.store(cell.next.load(Ordering::Relaxed), Ordering::Release);
                break;
            }
            link = found.checked_sub(1).and_then(|number| self.cell(number)).map(|cell| &cell.next);
        }
        kept.taken -= 1;
        kept.free.push_back((number, part));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn digest(key: u32) -> Digest {
        (u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, key)
    }

    #[test]
    fn two_cells_are_fetched_at_once() {
        assert_eq!(size_of::<KeyCell>(), 32);
    }

    #[test]
    fn each_number_has_a_place_of_its_own_and_the_pieces_hold_no_more_than_those() {
        for most in [1, 127, 128, 129, 1_023, 1_024, 1_025, 5_000] {
            let pieces = Pieces::<AtomicU32>::new(most);
            let all = u32::try_from(pieces.most()).unwrap();
            assert!((most..most + PIECE).contains(&pieces.most()), "{most}");
            (0..all)
                .for_each(|number| pieces.made_at(number as usize).unwrap().store(number, Ordering::Relaxed));
            let stored = |number: u32| pieces.at(number as usize).unwrap().load(Ordering::Relaxed);
            assert!((0..all).all(|number| stored(number) == number), "{most}");
            assert!(pieces.at(pieces.most()).is_none() && pieces.made_at(pieces.most()).is_none());
        }
    }

    #[test]
    fn a_key_is_found_however_many_came_and_went_since() {
        let cells = KeyCells::new(3_000);
        let numbers: Vec<u32> = (0..3_000).map(|key| cells.assign(digest(key), 1).unwrap()).collect();
        for number in numbers.iter().step_by(3) {
            cells.free(*number, 1);
        }
        for (key, number) in (0..).zip(&numbers) {
            let found = cells.find(digest(key)).map(|(_, number)| number);
            assert_eq!(found, (!number.is_multiple_of(3)).then_some(*number), "{key}");
        }
        let again: Vec<u32> = (5_000..6_000).map(|key| cells.assign(digest(key), 2).unwrap()).collect();
        assert!(again.iter().all(|number| number.is_multiple_of(3)), "what came free goes to the next ones");
        assert!((5_000..6_000).all(|key| cells.find(digest(key)).is_some()));
    }

    #[test]
    fn a_cell_rests_for_the_part_in_which_it_came_free_and_where_none_is_left_a_key_has_none() {
        let cells = KeyCells::new(1);
        let most = u32::try_from(FIRST_PIECE).unwrap();
        let first = cells.assign(digest(0), 7).unwrap();
        cells.free(first, 7);
        let others: Vec<u32> = (1..most).map(|key| cells.assign(digest(key), 7).unwrap()).collect();
        assert!(!others.contains(&first));
        assert_eq!(cells.assign(digest(most), 7), None);
        assert_eq!(cells.assign(digest(most), 8), Some(first));
    }
}
