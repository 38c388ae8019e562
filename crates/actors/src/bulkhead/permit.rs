use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{BulkheadHandle, BulkheadInput, BulkheadReply};
use crate::host::Answered;
use crate::machine::Ticket;

/// What becomes of a caller that observe mode did not let wait.
#[derive(Debug)]
pub(super) struct Observed(pub(super) oneshot::Receiver<Answered<BulkheadReply>>);

/// What is to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    /// What the actor granted, or may still grant, to this ticket.
    Asked(Ticket),
    /// So much that was taken in advance.
    InAdvance(u64),
}

/// A permit of a pool. Dropped it is given back: exactly once, on every path, and without room in any mailbox.
///
/// It belongs to the work, not to its caller: moved into work that cannot be cut, it comes back when that ends.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct BulkheadPermit {
    handle: BulkheadHandle,
    pub(super) held: Held,
    pub(super) waited: Duration,
    pub(super) observed: Option<Observed>,
}

impl BulkheadPermit {
    #[inline]
    pub(super) fn new(handle: BulkheadHandle, held: Held) -> Self {
        BulkheadPermit { handle, held, waited: Duration::ZERO, observed: None }
    }

    pub(super) fn forget(&mut self) {
        self.held = Held::Nothing;
    }

    /// How long its caller waited in line.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The pool that it comes from.
    #[must_use]
    pub fn pool(&self) -> &BulkheadHandle {
        &self.handle
    }

    /// Looks how a caller ended that observe mode did not let wait.
    fn note_observed(&mut self) {
        if let Some(Observed(mut answer)) = self.observed.take()
            && let Ok(Ok(answer)) = answer.try_recv()
            && matches!(answer.reply, BulkheadReply::Refused(_))
        {
            self.handle.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for BulkheadPermit {
    #[inline]
    fn drop(&mut self) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::InAdvance(weight) => {
                let hosted = &self.handle.shared.hosted;
                if hosted.gate().give_back(weight) {
                    hosted.poke();
                }
            }
            Held::Asked(ticket) => {
                self.note_observed();
                let super::handle::Shared { hosted, outage, .. } = &*self.handle.shared;
                outage.end(ticket);
                hosted.note(BulkheadInput::GiveBack(ticket));
            }
            Held::Nothing => self.note_observed(),
        }
    }
}
