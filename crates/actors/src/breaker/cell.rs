//! What a breaker publishes, in two words.
//!
//! The first holds the epoch and what callers may do in it, with one bit for "something was written that the actor has
//! not read yet"; the second a time that goes with it. The time is stored before the word and read after it: who sees a
//! word sees its time, or that of a later word.

use crate::gate::cell::{AtomicU64, Ordering};

/// What callers may do without a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Nothing: they ask.
    Ask,
    /// Pass, and count successes; whatever else is reported. Until the time that goes with it, where there is one.
    Count,
    /// Pass, and report every outcome: a success could open it.
    Report,
    /// Nothing until the time that goes with it; then they ask.
    Refuse,
    /// Nothing, by an operator's order.
    RefuseAll,
    /// Pass, by an operator's order; outcomes say nothing.
    PassAll,
}

const GRANT_BITS: u32 = 3;
/// Something was written that the actor has not read: what is granted may not hold any more.
const UNREAD: u64 = 1 << GRANT_BITS;
const EPOCH_BITS: u32 = GRANT_BITS + 1;

/// The first word as somebody read it: what callers might do, and in which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// No word that is ever published.
    pub(crate) const NONE: Word = Word(u64::MAX);

    /// It as a number.
    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The word of that number.
    #[inline]
    pub(crate) const fn of(bits: u64) -> Self {
        Word(bits)
    }

    /// What callers may do. While something is unread they ask.
    #[inline]
    pub(crate) const fn grant(self) -> Grant {
        // With the bit for what is unread, no number is one of these.
        match self.0 & ((1 << EPOCH_BITS) - 1) {
            1 => Grant::Count,
            2 => Grant::Report,
            3 => Grant::Refuse,
            4 => Grant::RefuseAll,
            5 => Grant::PassAll,
            _ => Grant::Ask,
        }
    }

    /// Whether callers pass, and want to hear how it ends.
    #[inline]
    pub(crate) const fn lets_pass(self) -> bool {
        let granted = self.0 & ((1 << EPOCH_BITS) - 1);
        granted == Grant::Count as u64 || granted == Grant::Report as u64
    }

    /// Whether callers are refused until the time that goes with it.
    #[inline]
    pub(crate) const fn refuses(self) -> bool {
        self.0 & ((1 << EPOCH_BITS) - 1) == Grant::Refuse as u64
    }

    /// Whether a success is counted.
    #[inline]
    pub(crate) const fn counts(self) -> bool {
        self.0 & ((1 << EPOCH_BITS) - 1) == Grant::Count as u64
    }

    /// In which epoch.
    #[inline]
    pub(crate) const fn epoch(self) -> u64 {
        self.0 >> EPOCH_BITS
    }
}

/// The two words. Whoever holds them pads them: all callers read them.
#[derive(Debug)]
pub(crate) struct BreakerCell {
    word: AtomicU64,
    until: AtomicU64,
}

impl Default for BreakerCell {
    fn default() -> Self {
        BreakerCell { word: AtomicU64::new(Grant::Ask as u64), until: AtomicU64::new(0) }
    }
}

impl BreakerCell {
    /// What holds from now on, in which epoch, and until when in nanoseconds.
    pub(crate) fn publish(&self, grant: Grant, epoch: u64, until: u64) {
        // Relaxed: the store of the word releases it.
        self.until.store(until, Ordering::Relaxed);
        self.word.store(epoch << EPOCH_BITS | grant as u64, Ordering::Release);
    }

    /// What callers may do now, and in which epoch. While something is unread they ask.
    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// The time that goes with it, in nanoseconds.
    #[inline]
    pub(crate) fn until(&self) -> u64 {
        self.until.load(Ordering::Acquire)
    }

    /// Something was written that may change the actor's mind: callers ask until it has published what it thinks now.
    pub(crate) fn unsettle(&self) {
        self.word.fetch_or(UNREAD, Ordering::AcqRel);
    }

    /// Callers ask until it is published again; the epoch stays.
    pub(crate) fn withdraw(&self) {
        let asks = |word: u64| Some(word & !(UNREAD - 1) | Grant::Ask as u64);
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, asks);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_back() {
        let cell = BreakerCell::default();
        let read = || (cell.word().grant(), cell.word().epoch());
        assert_eq!(read(), (Grant::Ask, 0));
        use Grant::{Ask, Count, PassAll, Refuse, RefuseAll, Report};
        for grant in [Ask, Count, Report, Refuse, RefuseAll, PassAll] {
            cell.publish(grant, 1 << 40, 7);
            assert_eq!((read(), cell.until()), ((grant, 1 << 40), 7));
            assert_ne!(cell.word(), Word::NONE);
            assert_eq!(cell.word().lets_pass(), matches!(grant, Count | Report));
            assert_eq!(cell.word().counts(), grant == Count);
            assert_eq!(cell.word().refuses(), grant == Refuse);
            cell.unsettle();
            assert_eq!(read(), (Grant::Ask, 1 << 40));
            cell.publish(grant, 3, 0);
            cell.withdraw();
            assert_eq!(read(), (Grant::Ask, 3));
        }
    }
}
