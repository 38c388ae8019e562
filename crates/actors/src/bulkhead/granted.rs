use super::{BulkheadHandle, BulkheadPermit};
use crate::clock::Time;

/// Permits that were taken of what is granted in advance. Whoever has it gives it back, exactly once.
///
/// It is a word, with no share in its pool and nothing that happens on drop, for who borrows the pool anyhow and has a drop
/// path of its own.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is not given back is out for ever"]
pub struct Granted(u64);

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
}

impl BulkheadHandle {
    /// Takes `weight` out of what is granted in advance, without a future; `None` where the actor has to be asked, by
    /// [`acquire_as`](BulkheadHandle::acquire_as), as whoever is later than its `deadline` is told so by the actor.
    #[inline]
    pub fn try_granted(&self, weight: u64, deadline: Time) -> Option<Granted> {
        let hosted = &self.shared.hosted;
        if deadline != Time::MAX && deadline <= hosted.now() {
            return None;
        }
        let weight = weight.max(1);
        hosted.gate().try_take(weight).then_some(Granted(weight))
    }

    /// Gives back what was taken so.
    #[inline]
    pub fn give_back_granted(&self, granted: Granted) {
        self.shared.hosted.gate().lasting().give_back(granted.0);
    }

    /// What was taken so, as a permit that gives it back by itself.
    #[inline]
    pub fn permit(&self, granted: Granted) -> BulkheadPermit {
        self.taken(granted.0)
    }
}
