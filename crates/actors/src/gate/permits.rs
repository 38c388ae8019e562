//! Permits that are taken and given back without a message.
//!
//! One word carries all of it:
//!
//! ```text
//!   ask (1 bit) | asking (23 bits) | granted (20 bits) | taken (20 bits)
//!
//!   caller   take       not ask, nobody asking, taken + n <= granted  ->  taken + n
//!                       else                                          ->  asking + 1, and it asks the actor
//!            answered   when it has its answer, or is dropped         ->  asking - 1
//!            give back                                                ->  taken - n, and pokes the actor under `ask`
//!   actor    reclaim    before each step                              ->  ask, granted = taken
//!            publish    after each step                               ->  granted = what it does not need itself;
//!                                                                         `ask` while somebody is in its line
//! ```
//!
//! # Why it never grants too much
//! Callers take only what keeps `taken <= granted`. The actor publishes `granted = capacity - held`, where `held` is what it
//! handed out by itself. It hands out by itself only between reclaiming and publishing, where nobody takes and the
//! `taken` that it knows can only shrink: so `held + taken <= capacity` then, and afterwards, too. Made smaller than what
//! is out, it grants less than that: nobody takes before so much has come back.
//!
//! # Why nobody overtakes and no waiter is forgotten
//! Whoever finds nothing counts itself as asking in the change of the word in which it found nothing. From then until it
//! has its answer nobody takes without asking, and mailboxes keep the order; if the answer is a place in line, `ask` is
//! set before it is given and stays set while the line is not empty. A permit that comes back after `ask` was set sees it,
//! and pokes; one that came back before is counted by the reclaim, since both change the same word.
//!
//! # Crashes, and guards of earlier times
//! The word outlives the actor's incarnations. One that dies in the middle of a step leaves `ask` set and what is out
//! standing: nobody is let in who was not, permits still come back, and the next incarnation begins by reclaiming. No
//! permit is ever taken back from the guard that holds it, and a guard keeps its own gate alive: an old one gives back
//! to the gate it took from, once, or to nothing.

use super::cell::{AtomicU64, Ordering};

/// Permits of one pool that callers may take by themselves.
#[derive(Debug)]
pub(crate) struct Permits {
    word: AtomicU64,
}

const COUNT: u32 = 20;
/// The most that can be granted at once.
const MOST: u64 = (1 << COUNT) - 1;
const MOST_ASKING: u64 = (1 << 23) - 1;
const ONE_ASKING: u64 = 1 << (2 * COUNT);

/// The word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    ask: bool,
    asking: u64,
    granted: u64,
    taken: u64,
}

impl Word {
    const fn of(bits: u64) -> Self {
        Word {
            ask: bits >> 63 == 1,
            asking: (bits >> (2 * COUNT)) & MOST_ASKING,
            granted: (bits >> COUNT) & MOST,
            taken: bits & MOST,
        }
    }

    const fn bits(self) -> u64 {
        (self.ask as u64) << 63 | self.asking << (2 * COUNT) | self.granted << COUNT | self.taken
    }

    const fn fits(self, weight: u64) -> bool {
        weight <= self.granted.saturating_sub(self.taken)
    }
}

impl Permits {
    /// Permits of which nobody takes any before the actor has published.
    pub(crate) fn new() -> Self {
        Permits { word: AtomicU64::new(Word { ask: true, asking: 0, granted: 0, taken: 0 }.bits()) }
    }

    /// Takes `weight` permits, if so many were granted and nobody waits or is about to. Whoever gets `false` counts as
    /// asking, until it says that it was [`answered`](Permits::answered).
    #[inline]
    #[must_use = "whoever gets none is counted until it was answered"]
    pub(crate) fn take_or_ask(&self, weight: u64) -> bool {
        let mut bits = self.word.load(Ordering::Relaxed);
        loop {
            let word = Word::of(bits);
            let takes = !word.ask && word.asking == 0 && word.fits(weight);
            // So many do not fit into any memory: whoever would be one more is served in some order.
            let asks = if word.asking < MOST_ASKING { ONE_ASKING } else { 0 };
            let next = if takes { bits + weight } else { bits + asks };
            // Acquire: what the last holder did happens before what this one does.
            match self.word.compare_exchange_weak(bits, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return takes,
                Err(seen) => bits = seen,
            }
        }
    }

    /// Takes `weight` permits, if so many were granted and nobody waits or is about to; who gets `false` has not asked.
    #[inline]
    #[must_use = "what is not given back is out for ever"]
    pub(crate) fn try_take(&self, weight: u64) -> bool {
        let mut bits = self.word.load(Ordering::Relaxed);
        loop {
            let word = Word::of(bits);
            if word.ask || word.asking > 0 || !word.fits(weight) {
                return false;
            }
            match self.word.compare_exchange_weak(bits, bits + weight, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(seen) => bits = seen,
            }
        }
    }

    /// Whoever asked knows its answer, or wants none any more.
    pub(crate) fn answered(&self) {
        self.change(|word| Word { asking: word.asking.saturating_sub(1), ..word });
    }

    /// Takes `weight` permits whether or not somebody waits: for callers whose actor cannot decide, after it has dismissed
    /// its line.
    pub(crate) fn take_unasked(&self, weight: u64) -> bool {
        let take = |bits| Word::of(bits).fits(weight).then_some(bits + weight);
        self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take).is_ok()
    }

    /// Gives `weight` permits back. Whoever gets `true` pokes the actor.
    #[inline]
    #[must_use = "whoever waits would wait for ever"]
    pub(crate) fn give_back(&self, weight: u64) -> bool {
        // Never below zero, since a guard gives back what it took, once: the subtraction borrows from nothing.
        Word::of(self.word.fetch_sub(weight, Ordering::AcqRel)).ask
    }

    /// Takes back what was granted and not taken, and sends all callers to the actor. Returns what is out.
    pub(crate) fn reclaim(&self) -> u64 {
        self.change(|word| Word { ask: true, granted: word.taken, ..word }).taken
    }

    /// Sends all callers to the actor; what was granted stays granted.
    pub(crate) fn send_to_actor(&self) {
        self.change(|word| Word { ask: true, ..word });
    }

    /// Grants what the actor does not need itself, what is out included. That stays out, however little is granted.
    pub(crate) fn publish(&self, granted: u64, ask: bool) {
        self.change(|word| Word { ask, granted: granted.min(MOST), ..word });
    }

    /// What is out.
    pub(crate) fn taken(&self) -> u64 {
        Word::of(self.word.load(Ordering::Acquire)).taken
    }

    fn change(&self, change: impl Fn(Word) -> Word) -> Word {
        let mut bits = self.word.load(Ordering::Relaxed);
        loop {
            let next = change(Word::of(bits)).bits();
            match self.word.compare_exchange_weak(bits, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(seen) => return Word::of(seen),
                Err(seen) => bits = seen,
            }
        }
    }
}
