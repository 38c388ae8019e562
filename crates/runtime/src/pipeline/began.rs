use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_actors::clock::{Clock, Time};

/// Of a time that nobody has needed yet.
const UNREAD: u64 = u64::MAX;

/// When something began, read from the clock when it is first needed. It is needed at the latest when something waits,
/// so that what is read is when it began, but for the work of one poll.
#[derive(Debug)]
pub(super) struct Began(AtomicU64);

impl Default for Began {
    #[inline]
    fn default() -> Self {
        Began(AtomicU64::new(UNREAD))
    }
}

impl Began {
    /// What began then, or has not been asked when.
    pub(super) fn of(known: Option<Time>) -> Self {
        Began(AtomicU64::new(known.map_or(UNREAD, Time::as_nanos)))
    }

    /// When it began.
    #[inline]
    pub(super) fn at(&self, clock: &Clock) -> Time {
        if let Some(known) = self.known() {
            return known;
        }
        self.note(clock.now())
    }

    /// It began then, unless that is known already; when it did.
    #[inline]
    pub(super) fn note(&self, began: Time) -> Time {
        let began = began.as_nanos();
        // Whoever was first has said it for all.
        let first = self.0.compare_exchange(UNREAD, began, Ordering::Relaxed, Ordering::Relaxed);
        Time::from_nanos(first.err().unwrap_or(began))
    }

    /// When it began, if anybody has needed to know: if not, nothing has waited since.
    #[inline]
    pub(super) fn known(&self) -> Option<Time> {
        Some(self.0.load(Ordering::Relaxed)).filter(|known| *known != UNREAD).map(Time::from_nanos)
    }

    /// Makes it begin anew.
    #[inline]
    pub(super) fn forget(&self) {
        self.0.store(UNREAD, Ordering::Relaxed);
    }
}
