use std::time::Duration;

use super::cell::Word;
use super::gate::Success;
use super::{BreakerHandle, BreakerInput, KeyedInput};
use crate::machine::Ticket;
use crate::outcome::{Ending, Health, Outcome};

/// How a call was let in, which says what its outcome has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// In advance, on this word: it holds no place.
    Granted(Word),
    /// By the actor, or on what it published last; epoch 0 before its answer is known. A probe has a lease.
    Asked { ticket: Ticket, epoch: u64, lease: Option<Duration> },
    /// In a way that nobody wants to hear of: the breaker is off, observed, or forced closed.
    Unheard,
}

impl Admission {
    /// How long a probe may run.
    #[inline]
    pub(super) fn lease(self) -> Option<Duration> {
        if let Admission::Asked { lease, .. } = self { lease } else { None }
    }

    /// How an outcome is reported that nothing less than a message does for; `None` where nobody wants to hear of it.
    pub(super) fn reported(self, breaker: &BreakerHandle, outcome: Outcome) -> Option<KeyedInput> {
        let (ticket, epoch) = match self {
            Admission::Unheard => return None,
            Admission::Asked { ticket, epoch, .. } => (ticket, epoch),
            Admission::Granted(word) => (Ticket(0), word.epoch()),
        };
        Some(breaker.input(BreakerInput::Report { ticket, epoch, outcome }))
    }
}

impl BreakerHandle {
    /// What has to be told of `outcome`; `None` where nothing has.
    #[inline]
    pub(super) fn told(&self, admission: Admission, outcome: Outcome) -> Option<KeyedInput> {
        match admission {
            Admission::Asked { ticket, epoch: 0, .. } => {
                // The ask was dropped before its answer: the actor knows the epoch of whatever it granted.
                Some(self.input(BreakerInput::GiveBack { ticket }))
            }
            Admission::Granted(word) => {
                if self.has_settled(word, &outcome) {
                    None
                } else {
                    admission.reported(self, outcome)
                }
            }
            Admission::Asked { .. } | Admission::Unheard => admission.reported(self, outcome),
        }
    }

    /// Does what there is to do about the outcome of a call that was granted in advance; `false` where it is to be reported.
    #[inline]
    pub(super) fn has_settled(&self, word: Word, outcome: &Outcome) -> bool {
        // What most calls come to, before all else is looked up.
        if outcome.ending == Ending::Success
            && !self.config().is_slow(outcome)
            && let Some(is_due) = self.hosted().gate().count_at_once(word)
        {
            if is_due {
                self.hosted().poke();
            }
            return true;
        }
        self.has_settled_otherwise(word, outcome)
    }

    #[inline(never)]
    fn has_settled_otherwise(&self, word: Word, outcome: &Outcome) -> bool {
        if word == Word::NONE {
            return true;
        }
        match self.config().judge(outcome) {
            (Health::Success, false) => match self.hosted().gate().succeeded(word, self.hosted().clock()) {
                Success::Done => true,
                Success::Poke => {
                    self.hosted().poke();
                    true
                }
                Success::Report => false,
            },
            // It held no place, so there is nothing to give back.
            (Health::Neutral, _) => true,
            (Health::Success | Health::Failure, _) => false,
        }
    }

    /// Tells it without waiting; for drop paths.
    pub(super) fn settle_later(&self, admission: Admission, outcome: Outcome) {
        if let Some(input) = self.told(admission, outcome) {
            self.hosted().note(input);
        }
    }
}

/// A pass through a breaker. Report how the attempt ended; dropped without a report it counts as cancelled, and a
/// probe's slot is given back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts as a cancelled call"]
pub struct BreakerPermit {
    /// Nobody's where the outcome is of no interest.
    handle: Option<BreakerHandle>,
    pub(super) admission: Admission,
    /// A call further in has taken it over.
    lent: bool,
}

impl BreakerPermit {
    #[inline]
    pub(super) fn held(handle: &BreakerHandle, admission: Admission) -> Self {
        let handle = (admission != Admission::Unheard).then(|| handle.clone());
        BreakerPermit { handle, admission, lent: false }
    }

    /// Takes over what the permit would have reported.
    pub(super) fn into_admission(mut self) -> Admission {
        std::mem::replace(&mut self.admission, Admission::Unheard)
    }

    /// Hands the pass, and a probe's slot with it, over to a call further in. What is left may still report how the
    /// call around ended, as one more outcome of the same epoch; dropped, it says nothing.
    pub fn lend(&mut self) -> BreakerPermit {
        let lent = std::mem::replace(&mut self.lent, true);
        BreakerPermit { handle: self.handle.clone(), admission: self.admission, lent }
    }

    /// Whether this call decides over closing.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.lease().is_some()
    }

    /// How long a probe may run: cut after that it has failed. `None` for any other call.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.admission.lease()
    }

    /// Reports and waits until what follows from it is published: at most 1 ms, and 2 ms more where its runtime has a fast
    /// clock, whose ends are no finer. A success that nothing follows from is counted, and nothing is waited for.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn report(mut self, outcome: Outcome) {
        if let Some(handle) = self.handle.take()
            && let Some(input) = handle.told(self.admission, outcome)
        {
            handle.hosted().report(input).await;
        }
    }

    /// Reports without waiting; for drop paths.
    pub fn note(mut self, outcome: Outcome) {
        if let Some(handle) = self.handle.take() {
            handle.settle_later(self.admission, outcome);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && !self.lent
        {
            let outcome = Outcome { ending: Ending::Cancelled, latency: Duration::ZERO };
            handle.settle_later(self.admission, outcome);
        }
    }
}
