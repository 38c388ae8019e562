//! Permits that are taken and given back without a message.
//!
//! One word carries all of it:
//!
//! ```text
//!   ask, gone (1 bit each) | refused (3 bits) | asking (19 bits) | granted (20 bits) | taken (20 bits)
//!
//!   caller   take       not ask, nobody asking, taken + n <= granted  ->  taken + n
//!                       its class is refused                          ->  as it was, and it goes
//!                       else                                          ->  asking + 1, nobody refused; it asks the actor
//!            answered   when it has its answer, or is dropped         ->  asking - 1
//!            give back                                                ->  taken - n; under `ask` nobody refused, and it
//!                                                                         pokes the actor
//!            note       what the actor must hear of                   ->  nobody refused
//!   actor    reclaim    before each step                              ->  ask, granted = taken
//!            publish    after each step                               ->  granted = what it does not need itself;
//!                                                                         `ask` while somebody is in its line
//!            refuse     once it knows all that was noted              ->  refused = whom it would refuse
//!   pool     end        when nobody has it any more                   ->  gone, ask, granted = 0
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
//! # Why nobody is refused for whom there is room
//! The actor says whom it would refuse in two ways. Where nobody waits in its line at all, it is [whoever finds
//! none](Refused::Unfitting): the same word tells that. Where its line is full, it is [some classes](Refused::From), for
//! as long as nothing comes back, nobody leaves the line and the actor gets no other orders. Of these things the last are
//! written to its ledger, and whoever writes there makes the refusals void before it goes on; the first is a change of
//! this word, and whoever makes it does the same. The actor says it again when it knows all that was written, in a change
//! of the word that succeeds only while what is out is what it last learned. Callers on their way to the actor may make it
//! refuse more, but never fewer; since they may change how the line stands, each of them makes the refusals void too.
//!
//! During a step, what was refused before it still is: the caller was there before the step.
//!
//! # Crashes, and guards of earlier times
//! The word outlives the actor's incarnations. One that dies in the middle of a step leaves `ask` set and what is out
//! standing: nobody is let in who was not, permits still come back, and the next incarnation begins by reclaiming. No
//! permit is ever taken back from the guard that holds it.
//!
//! # Why the word outlives its pool for as long as anything refers to it
//! A guard refers to the word without being counted but in it: while `taken` is above zero some guard will still come back.
//! A pool that ends marks its word as gone, so that nobody takes any more and `taken` only shrinks. Either nothing is out
//! then, or exactly one guard is the last to come back, which sees both in the change that it makes: one of the two is told
//! that nobody refers to the word any more.

use super::cell::{AtomicU64, Ordering};

/// Permits of one pool that callers may take by themselves.
#[derive(Debug)]
pub(crate) struct Permits {
    word: AtomicU64,
}

const COUNT: u32 = 20;
/// The most that can be granted at once.
const MOST: u64 = (1 << COUNT) - 1;
const ASKING: u32 = 2 * COUNT;
const MOST_ASKING: u64 = (1 << 19) - 1;
const REFUSED: u32 = 59;
const GONE: u32 = 62;
const ASK: u32 = 63;
const NOBODY: u64 = 0;
/// Of the classes, beginning with the highest, which are 1 to 4.
const UNFITTING: u64 = 5;

/// Whom the actor would refuse, were it asked for one permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody that is known without asking.
    Nobody,
    /// This class, counted from the highest, which is 0, to the lowest, which is 3, and all that are lower.
    From(u8),
    /// Whoever finds none that is free.
    Unfitting,
}

impl Refused {
    const fn bits(self) -> u64 {
        match self {
            Refused::Nobody => NOBODY,
            Refused::From(class) => class as u64 + 1,
            Refused::Unfitting => UNFITTING,
        }
    }
}

/// What a caller comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// It has its permits.
    Taken,
    /// The actor would refuse it.
    Refused,
    /// It asks the actor, and counts as asking until it was [`answered`](Permits::answered).
    Asks,
}

/// What has to be done about permits that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// Nothing.
    Unawaited,
    /// Somebody may wait for them: the actor is poked.
    Awaited,
    /// They were the last of a pool that is gone: nobody refers to the word any more.
    Last,
}

/// The word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    ask: bool,
    gone: bool,
    refused: u64,
    asking: u64,
    granted: u64,
    taken: u64,
}

impl Word {
    const NEW: Word = Word { ask: true, gone: false, refused: NOBODY, asking: 0, granted: 0, taken: 0 };

    const fn of(bits: u64) -> Self {
        Word {
            ask: bits >> ASK == 1,
            gone: (bits >> GONE) & 1 == 1,
            refused: (bits >> REFUSED) & 7,
            asking: (bits >> ASKING) & MOST_ASKING,
            granted: (bits >> COUNT) & MOST,
            taken: bits & MOST,
        }
    }

    const fn bits(self) -> u64 {
        let flags = (self.ask as u64) << ASK | (self.gone as u64) << GONE | self.refused << REFUSED;
        flags | self.asking << ASKING | self.granted << COUNT | self.taken
    }

    const fn fits(self, weight: u64) -> bool {
        weight <= self.granted.saturating_sub(self.taken)
    }

    const fn refuses(self, class: u8) -> bool {
        match self.refused {
            NOBODY => false,
            UNFITTING => !self.ask && !self.fits(1),
            highest => class as u64 + 1 >= highest,
        }
    }

    /// With these refused, if what is out is what the actor last learned: it knows of nothing that came back since.
    const fn refusing(self, refused: Refused, learned: u64) -> Self {
        let holds = matches!(refused, Refused::Unfitting) || self.taken == learned;
        Word { refused: if holds { refused.bits() } else { NOBODY }, ..self }
    }
}

impl Permits {
    /// Permits of which nobody takes any before the actor has published.
    pub(crate) fn new() -> Self {
        Permits { word: AtomicU64::new(Word::NEW.bits()) }
    }

    /// The pool ends; `true` where nothing is out, so that nobody refers to these permits any more.
    #[must_use = "else whoever is last to come back is told"]
    pub(crate) fn end(&self) -> bool {
        let ended = |word: Word| Word { taken: word.taken, gone: true, ..Word::NEW };
        self.change(ended).taken == 0
    }

    /// They become those of another pool, where nobody refers to them any more.
    pub(crate) fn begin_anew(&self) {
        self.word.store(Word::NEW.bits(), Ordering::Release);
    }

    /// Takes `weight` permits, if so many were granted and nobody waits or is about to; else it is refused where its
    /// `class`, if that may be refused without asking, is.
    #[must_use = "whoever asks is counted until it was answered"]
    pub(crate) fn take_or_ask(&self, weight: u64, class: Option<u8>) -> Take {
        let mut bits = self.word.load(Ordering::Acquire);
        loop {
            let word = Word::of(bits);
            let takes = !word.ask && word.asking == 0 && word.fits(weight);
            if !takes && class.is_some_and(|class| word.refuses(class)) {
                return Take::Refused;
            }
            // So many do not fit into any memory: whoever would be one more is served in some order.
            let asking = if word.asking < MOST_ASKING { word.asking + 1 } else { word.asking };
            let asks = Word { asking, refused: NOBODY, ..word };
            let next = if takes { bits + weight } else { asks.bits() };
            // Acquire: what the last holder did happens before what this one does.
            match self.word.compare_exchange_weak(bits, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if takes => return Take::Taken,
                Ok(_) => return Take::Asks,
                Err(seen) => bits = seen,
            }
        }
    }

    /// Whether a caller of this class that wants one permit is refused.
    #[inline]
    pub(crate) fn refuses(&self, class: u8) -> bool {
        Word::of(self.word.load(Ordering::Acquire)).refuses(class)
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

    /// Gives `weight` permits back.
    #[inline]
    #[must_use = "whoever waits would wait for ever"]
    pub(crate) fn give_back(&self, weight: u64) -> Back {
        // Never below zero, since a guard gives back what it took, once: the subtraction borrows from nothing.
        let before = self.word.fetch_sub(weight, Ordering::AcqRel);
        if before >> ASK == 1 { self.given_back(Word::of(before), weight) } else { Back::Unawaited }
    }

    #[cold]
    fn given_back(&self, before: Word, weight: u64) -> Back {
        if before.gone {
            return if before.taken == weight { Back::Last } else { Back::Unawaited };
        }
        if before.refused != NOBODY {
            self.refuse_nobody();
        }
        Back::Awaited
    }

    /// Something happened that may leave room: whoever comes asks, until the actor says again whom it refuses.
    pub(crate) fn refuse_nobody(&self) {
        if Word::of(self.word.load(Ordering::Relaxed)).refused != NOBODY {
            self.change(|word| Word { refused: NOBODY, ..word });
        }
    }

    /// Refuses these from now on, for an actor that knows all that was noted and that so many permits were out.
    pub(crate) fn refuse(&self, refused: Refused, learned: u64) {
        if refused != Refused::Nobody {
            self.change(|word| word.refusing(refused, learned));
        }
    }

    /// Takes back what was granted and not taken, and sends all callers to the actor. Returns what is out.
    pub(crate) fn reclaim(&self) -> u64 {
        let reclaimed = |word: Word| {
            // What else is not granted during a step looks as if it were used up.
            let refused = match (word.refused, word.fits(1)) {
                (UNFITTING, true) => Refused::Nobody.bits(),
                (UNFITTING, false) => Refused::From(0).bits(),
                (refused, _) => refused,
            };
            Word { ask: true, refused, granted: word.taken, ..word }
        };
        self.change(reclaimed).taken
    }

    /// Sends all callers to the actor; what was granted stays granted.
    pub(crate) fn send_to_actor(&self) {
        self.change(|word| Word { ask: true, refused: NOBODY, ..word });
    }

    /// Grants what the actor does not need itself, what is out included. That stays out, however little is granted.
    /// Where some were refused all through the step, those who are `refused` now are at once: nothing was noted meanwhile.
    pub(crate) fn publish(&self, granted: u64, ask: bool, refused: Refused, learned: u64) {
        self.change(|word| {
            let refused = if word.refused == NOBODY { Refused::Nobody } else { refused };
            Word { ask, granted: granted.min(MOST), ..word }.refusing(refused, learned)
        });
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
