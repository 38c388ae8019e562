use std::time::Duration;

use super::cell::Word;
use super::gate::Passage;
use super::permit::Admission;
use super::{BreakerHandle, BreakerPermit, BreakerState};
use crate::clock::Time;
use crate::outcome::Outcome;
use crate::rejection::Rejection;
use crate::settings::Mode;

/// A pass that was granted in advance. It holds no place: who drops it has nothing to give back.
///
/// It is a word, with no share in its breaker, for who borrows that anyhow and wants to pay for nothing else. It is to be
/// settled with the breaker that it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the outcome of a call that passed is to be settled"]
pub struct Granted(Word);

impl Granted {
    /// Nobody wants to hear how it ends.
    pub(super) const UNHEARD: Granted = Granted(Word::NONE);

    /// It as a word, for who keeps it in a cell.
    #[must_use]
    #[inline]
    pub const fn into_word(self) -> u64 {
        self.0.bits()
    }

    /// What [`into_word`](Granted::into_word) made a word of.
    #[inline]
    pub const fn of_word(word: u64) -> Self {
        Granted(Word::of(word))
    }
}

impl From<Granted> for Admission {
    #[inline]
    fn from(granted: Granted) -> Self {
        if granted == Granted::UNHEARD { Admission::Unheard } else { Admission::Granted(granted.0) }
    }
}

/// What a caller finds without a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It passes.
    Granted(Granted),
    /// It does not.
    Refused(BreakerState, Option<Duration>),
    /// It is to ask.
    Ask,
}

impl BreakerHandle {
    /// What most calls find: that it is closed, or open. The rest has to be [looked up](BreakerHandle::looked_up).
    #[inline]
    pub(super) fn at_once(&self) -> Found {
        let word = self.hosted().gate().word();
        let (is_shared, mode) = (self.key().is_none(), self.mode());
        if word.lets_pass() && is_shared && mode != Mode::Off {
            return Found::Granted(Granted(word));
        }
        if word.refuses() && is_shared && mode == Mode::Enforce {
            return self.refused_until(self.hosted().gate().until());
        }
        Found::Ask
    }

    /// Counts a success of a call that nobody times, if that is all there is to do; and whether the actor should look.
    #[inline]
    pub(super) fn count_at_once(&self, granted: Granted) -> Option<bool> {
        self.hosted().gate().count_at_once(granted.0)
    }

    #[inline]
    fn refused_until(&self, until: Time) -> Found {
        let left = self.hosted().clock().left_until(until);
        // Once that is over, the actor lets a probe in.
        if left.is_zero() { Found::Ask } else { Found::Refused(BreakerState::Open, Some(left)) }
    }

    /// The rest of what there is to find.
    pub(super) fn looked_up(&self) -> Found {
        let mode = self.mode();
        if mode == Mode::Off {
            return Found::Granted(Granted::UNHEARD);
        }
        if self.key().is_some() {
            return Found::Ask;
        }
        let refused = match self.hosted().gate().passage() {
            Passage::Pass(word) => return Found::Granted(Granted(word)),
            Passage::Unheard => return Found::Granted(Granted::UNHEARD),
            Passage::Ask => return Found::Ask,
            Passage::Refused(until) => self.refused_until(until),
            Passage::RefusedByOrder => Found::Refused(BreakerState::ForcedOpen, None),
        };
        if mode == Mode::Observe && refused != Found::Ask {
            self.would_have_refused();
            return Found::Granted(Granted::UNHEARD);
        }
        refused
    }

    /// What is granted in advance, without a future: a pass, or the refusal; `None` where the actor has to be asked by
    /// [`admit`](BreakerHandle::admit).
    ///
    /// # Errors
    /// As [`admit`](BreakerHandle::admit).
    #[inline]
    pub fn try_granted(&self) -> Option<Result<Granted, Rejection>> {
        let found = match self.at_once() {
            Found::Ask => self.looked_up(),
            found => found,
        };
        match found {
            Found::Granted(granted) => Some(Ok(granted)),
            Found::Refused(state, left) => Some(Err(self.rejection(state, left))),
            Found::Ask => None,
        }
    }

    /// Says how a call ended that passed so. Where that is all there is to do, as with a success in health, it is `true`;
    /// where the actor has to hear of it, the caller goes on with [`report_granted`](BreakerHandle::report_granted), or
    /// [`note_granted`](BreakerHandle::note_granted) where it cannot wait.
    #[inline]
    #[must_use = "what is left to do changes the actor's mind"]
    pub fn settle_granted(&self, granted: Granted, outcome: &Outcome) -> bool {
        self.has_settled(granted.0, outcome)
    }

    /// Reports an outcome that [`settle_granted`](BreakerHandle::settle_granted) left to be, and waits until what follows from
    /// it is published: at most 1 ms, and 2 ms more where its runtime has a fast clock, whose ends are no finer.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn report_granted(&self, granted: Granted, outcome: Outcome) {
        if let Some(input) = Admission::from(granted).reported(self, outcome) {
            self.hosted().report(input).await;
        }
    }

    /// The same without waiting; for drop paths.
    pub fn note_granted(&self, granted: Granted, outcome: Outcome) {
        if let Some(input) = Admission::from(granted).reported(self, outcome) {
            self.hosted().note(input);
        }
    }

    /// The pass as a permit that reports by itself, for a call that has to wait after all.
    #[inline]
    pub fn permit(&self, granted: Granted) -> BreakerPermit {
        BreakerPermit::held(self, granted.into())
    }
}
