use super::permit::Admission;
use super::{BreakerHandle, BreakerPermit};
use crate::outcome::Outcome;
use crate::rejection::Rejection;

/// A pass that was granted in advance. It holds no place: who drops it has nothing to give back.
///
/// It is a word, with no share in its breaker, for who borrows that anyhow and wants to pay for nothing else. It is to be
/// settled with the breaker that it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the outcome of a call that passed is to be settled"]
pub struct Granted(u64);

/// Nobody wants to hear how it ends. No epoch is so late.
const UNHEARD: Granted = Granted(u64::MAX);

impl Granted {
    /// It as a word, for who keeps it in a cell.
    #[must_use]
    #[inline]
    pub const fn into_word(self) -> u64 {
        self.0
    }

    /// What [`into_word`](Granted::into_word) made a word of.
    #[inline]
    pub const fn of_word(word: u64) -> Self {
        Granted(word)
    }

    #[inline]
    const fn admission(self) -> Admission {
        if self.0 == UNHEARD.0 { Admission::Unheard } else { Admission::Granted { epoch: self.0 } }
    }
}

impl BreakerHandle {
    /// What is granted in advance, without a future: a pass, or the refusal; `None` where the actor has to be asked by
    /// [`admit`](BreakerHandle::admit).
    ///
    /// # Errors
    /// As [`admit`](BreakerHandle::admit).
    #[inline]
    pub fn try_granted(&self) -> Option<Result<Granted, Rejection>> {
        Some(self.granted()?.map(|admission| match admission {
            Admission::Granted { epoch } => Granted(epoch),
            Admission::Asked { .. } | Admission::Unheard => UNHEARD,
        }))
    }

    /// Says how a call ended that passed so. Where that is all there is to do, as with a success in health, it is `true`;
    /// where the actor has to hear of it, the caller goes on with [`report_granted`](BreakerHandle::report_granted), or
    /// [`note_granted`](BreakerHandle::note_granted) where it cannot wait.
    #[inline]
    #[must_use = "what is left to do changes the actor's mind"]
    pub fn settle_granted(&self, granted: Granted, outcome: Outcome) -> bool {
        self.told(granted.admission(), outcome).is_none()
    }

    /// Reports an outcome that [`settle_granted`](BreakerHandle::settle_granted) left to be, and waits, at most 1 ms, until
    /// what follows from it is published.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn report_granted(&self, granted: Granted, outcome: Outcome) {
        if let Some(input) = granted.admission().reported(self, outcome) {
            self.hosted().report(input).await;
        }
    }

    /// The same without waiting; for drop paths.
    pub fn note_granted(&self, granted: Granted, outcome: Outcome) {
        if let Some(input) = granted.admission().reported(self, outcome) {
            self.hosted().note(input);
        }
    }

    /// The pass as a permit that reports by itself, for a call that has to wait after all.
    #[inline]
    pub fn permit(&self, granted: Granted) -> BreakerPermit {
        BreakerPermit::held(self, granted.admission())
    }
}
