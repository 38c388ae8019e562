//! A count that belongs to an epoch.
//!
//! One word holds the epoch in its upper half and the count in its lower. The writer counts up, or begins anew with a
//! later epoch: whoever was admitted in it proves that the earlier one is over, and what it counted void. Who comes
//! late with an earlier epoch changes nothing.
//!
//! # Why nothing is lost and nothing counted twice
//! Only its thread writes a tally, so no increment overwrites another; the shared one is written by compare and swap.
//! The reader never writes: it remembers for each tally the word that it saw last and takes the difference. Two words
//! of one epoch differ by exactly what was counted between them, and of a new epoch all is new. A count wraps at 2^32
//! as does the difference, so it is right while no more than that is counted between two readings; [`Tally::count`]
//! says every 65,536th time that one is due.
//!
//! Epochs are compared as the circle that their lower 32 bits are: right while no call is older than 2^31 of them.

use super::cell::{AtomicU64, Ordering};

/// After so many counts the reader should look.
const LOOK_AFTER: u32 = 1 << 16;

/// One thread's count.
#[derive(Debug)]
pub(crate) struct Tally(AtomicU64);

impl Default for Tally {
    fn default() -> Self {
        Tally(AtomicU64::new(0))
    }
}

const fn epoch_of(word: u64) -> u32 {
    (word >> 32) as u32
}

const fn count_of(word: u64) -> u32 {
    (word & 0xffff_ffff) as u32
}

/// `word` with one more counted in `epoch`; `None` where that is over.
const fn counted(word: u64, epoch: u32) -> Option<u64> {
    if epoch_of(word) == epoch {
        return Some((epoch as u64) << 32 | count_of(word).wrapping_add(1) as u64);
    }
    let is_later = epoch.wrapping_sub(epoch_of(word)) < 1 << 31;
    if is_later { Some((epoch as u64) << 32 | 1) } else { None }
}

impl Tally {
    /// Counts one in `epoch`, where nobody else writes this tally; whether the reader should look now.
    #[inline]
    pub(crate) fn count_alone(&self, epoch: u32) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        let word = if epoch_of(before) == epoch && count_of(before) < u32::MAX {
            before + 1
        } else {
            let Some(word) = counted(before, epoch) else { return false };
            word
        };
        // Paired with the reader's load: what this thread did before it counted is seen with the count.
        self.0.store(word, Ordering::Release);
        count_of(word).is_multiple_of(LOOK_AFTER)
    }

    /// The same where others write it too.
    pub(crate) fn count_shared(&self, epoch: u32) -> bool {
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| counted(word, epoch));
        before.is_ok_and(|before| {
            counted(before, epoch).is_some_and(|word| count_of(word).is_multiple_of(LOOK_AFTER))
        })
    }
}

/// What the reader of some tallies remembers of them.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    seen: Vec<u64>,
}

impl Tallies {
    /// How much was counted in the latest epoch since the last reading; `None` where nothing was. What was counted in an
    /// earlier one is void, since there is a later.
    pub(crate) fn take<'a>(&mut self, tallies: impl Iterator<Item = &'a Tally>) -> Option<(u32, u64)> {
        let mut latest: Option<(u32, u64)> = None;
        for (index, tally) in tallies.enumerate() {
            let word = tally.0.load(Ordering::Acquire);
            if index == self.seen.len() {
                self.seen.push(0);
            }
            let seen = std::mem::replace(&mut self.seen[index], word);
            let epoch = epoch_of(word);
            let before = if epoch_of(seen) == epoch { count_of(seen) } else { 0 };
            let more = u64::from(count_of(word).wrapping_sub(before));
            latest = match latest {
                _ if more == 0 => latest,
                Some((known, sum)) if known == epoch => Some((known, sum + more)),
                Some((known, _)) if epoch.wrapping_sub(known) >= 1 << 31 => latest,
                _ => Some((epoch, more)),
            };
        }
        latest
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_reader_takes_each_count_once() {
        let tallies = [Tally::default(), Tally::default()];
        let mut reader = Tallies::default();
        assert_eq!(reader.take(tallies.iter()), None);
        for _ in 0..3 {
            assert!(!tallies[0].count_alone(7));
        }
        assert!(!tallies[1].count_shared(7));
        assert_eq!(reader.take(tallies.iter()), Some((7, 4)));
        assert_eq!(reader.take(tallies.iter()), None);
        tallies[0].count_alone(7);
        assert_eq!(reader.take(tallies.iter()), Some((7, 1)));
    }

    #[test]
    fn a_later_epoch_makes_void_what_an_earlier_one_counted_and_latecomers_change_nothing() {
        let tallies = [Tally::default(), Tally::default()];
        let mut reader = Tallies::default();
        tallies[0].count_alone(1);
        tallies[1].count_alone(2);
        tallies[0].count_alone(1);
        assert_eq!(reader.take(tallies.iter()), Some((2, 1)));
        tallies[1].count_alone(1);
        tallies[1].count_shared(1);
        assert_eq!(reader.take(tallies.iter()), None);
        tallies[0].count_alone(2);
        tallies[1].count_alone(2);
        assert_eq!(reader.take(tallies.iter()), Some((2, 2)));
    }

    #[test]
    fn epochs_and_counts_go_round_without_a_gap() {
        let tallies = [Tally::default()];
        let mut reader = Tallies::default();
        tallies[0].0.store((u64::from(u32::MAX) << 32) | u64::from(u32::MAX - 1), Ordering::Relaxed);
        reader.take(tallies.iter());
        tallies[0].count_alone(u32::MAX);
        tallies[0].count_alone(u32::MAX);
        assert_eq!(reader.take(tallies.iter()), Some((u32::MAX, 2)));
        tallies[0].count_alone(0);
        assert_eq!(reader.take(tallies.iter()), Some((0, 1)));
    }

    #[test]
    fn every_65536th_count_asks_for_a_look() {
        let tally = Tally::default();
        let looks = (0..200_000).filter(|_| tally.count_alone(1)).count();
        let shared = (0..200_000).filter(|_| tally.count_shared(2)).count();
        assert_eq!((looks, shared), (3, 3));
    }
}
