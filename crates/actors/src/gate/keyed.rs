//! Leases by key, for callers who know nothing but a digest of theirs.
//!
//! A table of cells in buckets of eight, found by the digest's lower half. The actor alone puts keys in and takes them
//! out; a key whose bucket is full has no cell, and its callers ask. A bucket is made when the first key comes to
//! stand there, so a table that may grow large costs little while it is not.
//!
//! # Why no key spends what is another's
//! A caller reads a cell's word, then the digest, then changes the word, and only if it is still the one that it read.
//! Where the cell went to another key in between, the word is another, too: the actor recalls it first, and gives the cell
//! to nobody in the part of the window in which it came free, so that the next key's lease is for a later part. Where
//! nothing is changed, as with refusals, the digest is read again afterwards.
//!
//! Digests have 128 bits and are keyed: that two keys share one is not to be seen, and cannot be brought about.

use std::sync::OnceLock;

use super::cell::{AtomicU64, Ordering};
use super::tokens::Tokens;

/// A keyed digest of a key. The lower half is never zero.
pub(crate) type Digest = [u64; 2];

/// Cells in which a key may stand.
const BUCKET: usize = 8;

/// The lease of one key.
#[derive(Debug)]
#[repr(align(32))]
pub(crate) struct KeyCell {
    /// Zero, and the part in which it came free, where no key stands here.
    digest: [AtomicU64; 2],
    /// What is leased.
    pub(crate) tokens: Tokens,
    /// When more is left than now, in nanoseconds.
    more_at: AtomicU64,
}

impl Default for KeyCell {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        KeyCell { digest: [zero(), zero()], tokens: Tokens::default(), more_at: zero() }
    }
}

impl KeyCell {
    /// Whether it is this key's.
    #[inline]
    pub(crate) fn is_of(&self, digest: Digest) -> bool {
        self.digest[0].load(Ordering::Acquire) == digest[0]
            && self.digest[1].load(Ordering::Acquire) == digest[1]
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

/// All cells of one limiter.
#[derive(Debug)]
pub(crate) struct KeyCells {
    buckets: Box<[OnceLock<Box<[KeyCell]>>]>,
    mask: u64,
}

impl KeyCells {
    /// Cells for so many keys: half as many again, so that few buckets are full.
    pub(crate) fn new(keys: usize) -> Self {
        let buckets = (keys.saturating_mul(3) / 2).div_ceil(BUCKET).next_power_of_two();
        KeyCells { buckets: (0..buckets).map(|_| OnceLock::new()).collect(), mask: buckets as u64 - 1 }
    }

    fn bucket(&self, digest: Digest) -> usize {
        usize::try_from(digest[0] & self.mask).unwrap_or(0)
    }

    /// The cells of one bucket; `None` where no key has stood there.
    #[inline]
    fn cells(&self, bucket: usize) -> Option<&[KeyCell]> {
        self.buckets[bucket].get().map(AsRef::as_ref)
    }

    /// The cell of a key, and its number.
    #[inline]
    pub(crate) fn find(&self, digest: Digest) -> Option<(&KeyCell, u32)> {
        let bucket = self.bucket(digest);
        let cells = self.cells(bucket)?;
        let place = cells.iter().position(|cell| cell.is_of(digest))?;
        Some((&cells[place], u32::try_from(bucket * BUCKET + place).unwrap_or(u32::MAX)))
    }

    /// The cell of that number.
    pub(crate) fn cell(&self, number: u32) -> Option<&KeyCell> {
        let number = number as usize;
        self.cells(number / BUCKET)?.get(number % BUCKET)
    }

    /// Gives a key a cell; `None` where its bucket is full. For the actor alone; `part` is the one that runs.
    pub(crate) fn assign(&self, digest: Digest, part: u32) -> Option<u32> {
        let bucket = self.bucket(digest);
        self.buckets[bucket].get_or_init(|| (0..BUCKET).map(|_| KeyCell::default()).collect());
        let cells = self.cells(bucket)?;
        let place = cells.iter().position(|cell| {
            let [lower, freed] = &cell.digest;
            lower.load(Ordering::Relaxed) == 0 && freed.load(Ordering::Relaxed) != u64::from(part)
        })?;
        let cell = &cells[place];
        cell.digest[1].store(digest[1], Ordering::Release);
        cell.digest[0].store(digest[0], Ordering::Release);
        u32::try_from(bucket * BUCKET + place).ok()
    }

    /// Takes a key's cell away, after what was leased there was recalled. For the actor alone.
    pub(crate) fn free(&self, number: u32, part: u32) {
        if let Some(cell) = self.cell(number) {
            cell.digest[0].store(0, Ordering::Release);
            cell.digest[1].store(u64::from(part), Ordering::Release);
        }
    }
}
