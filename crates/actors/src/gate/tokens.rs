//! Tokens that are leased for one part of a window.
//!
//! One word: which part they are for, which of a key's leases it is, and how many are left.
//!
//! ```text
//!   part (24 bits, 0: none) | turn (8 bits) | asked (1 bit) | left (31 bits)
//!
//!   caller   take       not asked, the part is the one that it knows to run, enough is left      ->  left - n
//!            fill       it is open for this lease, and nothing is left                         ->  n
//!            carry      it is still as it was seen, for an earlier part                             ->  part, n - 1
//!            ask        whatever it is                                                       ->  asked
//!            put back   the lease is the one that it took from                                ->  left + n
//!   actor    lease      an empty word; none left opens it for a lease                          ->  part, turn, n
//!            recall                                                                           ->  empty
//! ```
//!
//! # Why no token is spent twice and none is lost
//! All of them change the whole word at once. A token that was recalled cannot be taken any more, since the word that a
//! taker compares with is gone; a token that was taken is missing from what is recalled. Whoever puts one back finds
//! the lease that it took from, or is told that it came too late and sends a message. So no lease ever has more left than was
//! leased: what the actor entered as used when it took an earlier one back, it hears of when that is given back.
//!
//! # Why none is spent after its part
//! A word that is always recalled before its part ends needs no look at what runs: whoever [takes one](Tokens::take_one)
//! of it did so before it was recalled, however long ago it read the word. Nothing fills a word that was recalled, since
//! only a part that is open there is filled, and no part is opened twice once it is over. Who recalls it too late reads
//! the time after it did: that is the latest at which any of it was taken. Of words that nobody recalls in time callers
//! look at what runs *after* they have taken, and put back what they took too late.
//!
//! Who takes needs not know which of the leases of a part it meets: those of one key are worth the same. Where a word goes
//! from key to key, no key gets it in a part in which another one left it.

use super::cell::{AtomicU64, Ordering};

/// The tokens of one lease that are left.
#[derive(Debug)]
pub(crate) struct Tokens(AtomicU64);

impl Default for Tokens {
    fn default() -> Self {
        Tokens(AtomicU64::new(0))
    }
}

/// One lease: the part that it is for, and which of a key's leases it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Term(u32);

/// The largest number of a part that a word has room for.
pub(crate) const LAST_PART: u32 = u32::MAX >> Term::TURN;

impl Term {
    const TURN: u32 = 8;

    pub(crate) const fn new(part: u32, turn: u8) -> Self {
        Term(part << Self::TURN | turn as u32)
    }

    /// The part; zero where nothing is leased.
    pub(crate) const fn part(self) -> u32 {
        self.0 >> Self::TURN
    }

    /// Which of a key's leases it is, modulo 256.
    pub(crate) const fn turn(self) -> u8 {
        self.0 as u8
    }
}

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Of which lease.
    pub(crate) term: Term,
    /// How many.
    pub(crate) tokens: u32,
}

/// Somebody asks about them.
const ASKED: u64 = 1 << 31;
/// The most tokens of one lease.
pub(crate) const MOST_LEASED: u32 = (1 << 31) - 1;

impl Left {
    pub(crate) const fn of(word: u64) -> Self {
        Left { term: Term((word >> 32) as u32), tokens: word as u32 & MOST_LEASED }
    }

    pub(crate) const fn word(self) -> u64 {
        (self.term.0 as u64) << 32 | (self.tokens & MOST_LEASED) as u64
    }
}

impl Tokens {
    /// What is left; `None` where somebody asks about it.
    #[inline]
    pub(crate) fn left(&self) -> Option<Left> {
        let word = self.0.load(Ordering::Acquire);
        (word & ASKED == 0).then_some(Left::of(word))
    }

    /// Somebody asks about them: whoever comes behind asks, too, until they were taken back.
    pub(crate) fn ask(&self) {
        self.0.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// Takes `tokens` of `part`, if so many are left and `is_own` still says so once the word was read. Returns what is left
    /// then.
    #[inline]
    pub(crate) fn take(&self, part: u32, tokens: u32, is_own: impl Fn() -> bool) -> Option<Left> {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let left = Left::of(word);
            if word & ASKED != 0 || left.term.part() != part || left.tokens < tokens || !is_own() {
                return None;
            }
            let rest = Left { tokens: left.tokens - tokens, ..left };
            match self.0.compare_exchange_weak(word, rest.word(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(rest),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes one of whatever is left, where somebody recalls it before its part ends. Returns what is left then.
    #[inline]
    pub(crate) fn take_one(&self) -> Option<Left> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let left = Left::of(word);
            if word & ASKED != 0 || left.tokens == 0 {
                return None;
            }
            match self.0.compare_exchange_weak(word, word - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Left { tokens: left.tokens - 1, ..left }),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes up to `most` of a lease, but no more than one in `share` of what is left. Returns how many.
    pub(crate) fn take_share(&self, term: Term, most: u32, share: u32) -> Option<u32> {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let left = Left::of(word);
            let taken = most.min(left.tokens / share.max(1));
            if word & ASKED != 0 || left.term != term || taken == 0 {
                return None;
            }
            let rest = Left { tokens: left.tokens - taken, ..left };
            match self.0.compare_exchange_weak(word, rest.word(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(taken),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes one of an earlier part's lease, which goes on in `part`; what is left then. `None` where it is no longer as it
    /// was `seen`, or nothing is left.
    pub(crate) fn carry(&self, seen: Left, part: u32) -> Option<Left> {
        let left = Left { term: Term::new(part, seen.term.turn()), tokens: seen.tokens.checked_sub(1)? };
        let carried = self.0.compare_exchange(seen.word(), left.word(), Ordering::AcqRel, Ordering::Relaxed);
        carried.is_ok().then_some(left)
    }

    /// Puts tokens of a lease back; `false` where that was recalled since.
    #[must_use = "what came too late is to be told to the actor"]
    pub(crate) fn put_back(&self, term: Term, tokens: u32) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let left = Left::of(word);
            let sum = left.tokens.saturating_add(tokens);
            if term.part() == 0 || left.term != term || sum > MOST_LEASED {
                return false;
            }
            let more = Left { tokens: sum, ..left }.word() | word & ASKED;
            match self.0.compare_exchange_weak(word, more, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
    }

    /// Fills a word that is open for this lease and in which nothing is left; `false` where it is not, or no longer.
    #[must_use = "what found no room is to be put back"]
    pub(crate) fn fill(&self, term: Term, tokens: u32) -> bool {
        let (empty, full) = (Left { term, tokens: 0 }.word(), Left { term, tokens }.word());
        term.part() != 0 && self.0.compare_exchange(empty, full, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether [`fill`](Tokens::fill) would find it so.
    #[inline]
    pub(crate) fn is_open(&self, term: Term) -> bool {
        term.part() != 0 && self.0.load(Ordering::Acquire) == Left { term, tokens: 0 }.word()
    }

    /// Leases tokens. For the actor alone, after it has recalled what was there.
    pub(crate) fn lease(&self, left: Left) {
        self.0.store(left.word(), Ordering::Release);
    }

    /// Moves a lease to a word that is empty. For the actor alone.
    pub(crate) fn move_to(&self, to: &Tokens) {
        to.0.store(self.0.swap(0, Ordering::AcqRel), Ordering::Release);
    }

    /// Takes back what is left.
    pub(crate) fn recall(&self) -> Left {
        Left::of(self.0.swap(0, Ordering::AcqRel))
    }
}
