use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{BulkheadHandle, BulkheadInput, BulkheadReply};
use crate::host::Answered;
use crate::machine::Ticket;

/// What becomes of a caller that observe mode did not let wait.
#[derive(Debug)]
pub(super) struct Observed(pub(super) oneshot::Receiver<Answered<BulkheadReply>>);

/// A permit of a pool. Dropped it is given back: exactly once, on every path, and without room in any mailbox.
///
/// It belongs to the work, not to its caller: moved into work that cannot be cut, it comes back when that ends.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct BulkheadPermit {
    handle: BulkheadHandle,
    /// `None` where there is nothing to give back.
    ticket: Option<Ticket>,
    pub(super) waited: Duration,
    pub(super) observed: Option<Observed>,
}

impl BulkheadPermit {
    pub(super) fn held(handle: BulkheadHandle, ticket: Ticket) -> Self {
        BulkheadPermit { handle, ticket: Some(ticket), waited: Duration::ZERO, observed: None }
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.ticket.unwrap_or(Ticket(0))
    }

    pub(super) fn forget(&mut self) {
        self.ticket = None;
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
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        let shared = &self.handle.shared;
        if let Some(Observed(mut answer)) = self.observed.take()
            && let Ok(Ok(answer)) = answer.try_recv()
            && matches!(answer.reply, BulkheadReply::Refused(_))
        {
            shared.would_refuse.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(ticket) = self.ticket.take() {
            shared.outage.end(ticket);
            shared.hosted.note(BulkheadInput::GiveBack(ticket));
        }
    }
}
