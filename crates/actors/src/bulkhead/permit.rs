use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{BulkheadHandle, BulkheadInput, BulkheadReply};
use crate::adaptive::concurrency::Ended;
use crate::clock::Time;
use crate::host::{Answered, Reply};
use crate::machine::Ticket;
use crate::outcome::Ending;

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
    preemption: Preemption,
    /// Of an adaptive pool: since when it is held.
    pub(super) since: Option<Time>,
    /// What became of who holds it, an [`Ended`]; a permit that is shared is told by one of those who share it.
    ended: AtomicU8,
}

impl BulkheadPermit {
    #[inline]
    pub(super) fn new(handle: BulkheadHandle, held: Held) -> Self {
        BulkheadPermit {
            handle,
            held,
            waited: Duration::ZERO,
            observed: None,
            preemption: Preemption::default(),
            since: None,
            ended: AtomicU8::new(Ended::Answered as u8),
        }
    }

    pub(super) fn forget(&mut self) {
        self.held = Held::Nothing;
    }

    pub(super) fn listen(&mut self, word: Option<oneshot::Receiver<Answered<BulkheadReply>>>) {
        self.preemption = Preemption(word);
    }

    /// What tells that a caller of a higher class waits for this permit. Whoever holds it is asked to cut its work short
    /// and drop it; nobody is let in before that. It can be taken out once.
    pub fn preemption(&mut self) -> Preemption {
        std::mem::take(&mut self.preemption)
    }

    /// Says how the work ended that it is held for. Where nobody says so, it was answered.
    pub fn note(&self, ending: Ending) {
        self.ended.store(Ended::of(ending) as u8, Ordering::Relaxed);
    }

    fn ended(&self) -> Ended {
        let ended = self.ended.load(Ordering::Relaxed);
        [Ended::Answered, Ended::Overloaded]
            .into_iter()
            .find(|known| *known as u8 == ended)
            .unwrap_or(Ended::Neutral)
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

/// Ready once a permit's holder is to go; never, where nobody can take it from it.
#[derive(Debug, Default)]
#[must_use = "it says nothing until it is awaited"]
pub struct Preemption(Option<oneshot::Receiver<Answered<BulkheadReply>>>);

impl Future for Preemption {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(word) = &mut self.0 else { return Poll::Pending };
        let answer = ready!(Pin::new(word).poll(context));
        self.0 = None;
        match answer {
            Ok(Ok(Reply { reply: BulkheadReply::Preempted, .. })) => Poll::Ready(()),
            // Its actor is gone, or left alone: nobody asks for it any more.
            _ => Poll::Pending,
        }
    }
}

impl Drop for BulkheadPermit {
    #[inline]
    fn drop(&mut self) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::InAdvance(weight) => {
                self.handle.give_back(weight);
            }
            Held::Asked(ticket) => {
                self.note_observed();
                let super::handle::Shared { hosted, outage, .. } = &*self.handle.shared;
                outage.end(ticket);
                if let Some(since) = self.since {
                    let (latency, ended) = (hosted.now().since(since), self.ended());
                    hosted.note(BulkheadInput::Ended { latency, ended });
                }
                hosted.note(BulkheadInput::GiveBack(ticket));
            }
            Held::Nothing => self.note_observed(),
        }
    }
}
