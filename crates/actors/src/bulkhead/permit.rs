use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lasting::Lasting;
use super::{BulkheadHandle, BulkheadInput, BulkheadReply};
use crate::adaptive::concurrency::Ended;
use crate::clock::Time;
use crate::host::{Answered, Reply};
use crate::machine::Ticket;
use crate::outcome::Ending;

/// What becomes of a caller that observe mode did not let wait.
#[derive(Debug)]
pub(super) struct Observed(pub(super) oneshot::Receiver<Answered<BulkheadReply>>);

impl Observed {
    /// Whether it would have waited for nothing.
    fn was_refused(mut self) -> bool {
        loop {
            match self.0.try_recv() {
                // It would have been told to wait on.
                Ok(Ok(Reply { reply: BulkheadReply::Queued { .. }, more: Some(more) })) => self.0 = more,
                Ok(Ok(Reply { reply: BulkheadReply::Refused(_), .. })) => return true,
                _ => return false,
            }
        }
    }
}

/// What is to be given back; whatever it is gives itself back when it is dropped.
#[derive(Debug)]
pub(super) enum Held {
    /// Nothing, of this pool.
    Nothing(BulkheadHandle),
    /// What the actor granted, or may still grant.
    Asked(Box<Asked>),
    /// What was taken in advance.
    InAdvance(InAdvance),
}

impl Held {
    /// What the actor granted, or may still grant, to this ticket.
    pub(super) fn asked(pool: &BulkheadHandle, ticket: Ticket) -> Self {
        let ended = AtomicU8::new(Ended::Answered as u8);
        let (observed, preemption) = (None, Preemption::default());
        Held::Asked(Box::new(Asked {
            pool: pool.clone(),
            ticket,
            waited: Duration::ZERO,
            observed,
            preemption,
            since: None,
            ended,
            is_over: false,
        }))
    }
}

/// So much of what was granted in advance. It has no share in its pool: [`Lasting`] says why it needs none.
#[derive(Debug)]
pub(super) struct InAdvance {
    pub(super) lasting: &'static Lasting,
    pub(super) weight: u64,
}

impl Drop for InAdvance {
    #[inline]
    fn drop(&mut self) {
        self.lasting.give_back(self.weight);
    }
}

/// What only permits have that were asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pool: BulkheadHandle,
    ticket: Ticket,
    pub(super) waited: Duration,
    pub(super) observed: Option<Observed>,
    pub(super) preemption: Preemption,
    /// Of an adaptive pool: since when it is held.
    pub(super) since: Option<Time>,
    /// What became of who holds it, an [`Ended`]; a permit that is shared is told by one of those who share it.
    ended: AtomicU8,
    /// Nothing is granted, and nothing will be.
    is_over: bool,
}

/// A permit of a pool. Dropped it is given back: exactly once, on every path, and without room in any mailbox.
///
/// It belongs to the work, not to its caller: moved into work that cannot be cut, it comes back when that ends. One that was
/// taken in advance does not keep its pool: where it outlives that, it comes back to nobody.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct BulkheadPermit {
    held: Held,
}

impl BulkheadPermit {
    #[inline]
    pub(super) fn new(held: Held) -> Self {
        BulkheadPermit { held }
    }

    /// Nothing is to be given back.
    pub(super) fn forget(&mut self) {
        if let Some(asked) = self.asked() {
            asked.is_over = true;
        }
    }

    /// `None` where it was not asked for.
    pub(super) fn asked(&mut self) -> Option<&mut Asked> {
        if let Held::Asked(asked) = &mut self.held { Some(asked) } else { None }
    }

    /// What tells that a caller of a higher class waits for this permit. Whoever holds it is asked to cut its work short
    /// and drop it; nobody is let in before that. It can be taken out once.
    #[inline]
    pub fn preemption(&mut self) -> Preemption {
        self.asked().map(|asked| std::mem::take(&mut asked.preemption)).unwrap_or_default()
    }

    /// Says how the work ended that it is held for. Where nobody says so, it was answered.
    #[inline]
    pub fn note(&self, ending: Ending) {
        // Of those that were taken in advance nobody wants to know.
        if let Held::Asked(asked) = &self.held {
            asked.ended.store(Ended::of(ending) as u8, Ordering::Relaxed);
        }
    }

    /// How long its caller waited in line.
    #[must_use]
    pub fn waited(&self) -> Duration {
        if let Held::Asked(asked) = &self.held { asked.waited } else { Duration::ZERO }
    }

    /// The pool that it comes from; `None` where nobody else has that any more.
    #[must_use]
    pub fn pool(&self) -> Option<BulkheadHandle> {
        match &self.held {
            Held::Nothing(pool) => Some(pool.clone()),
            Held::Asked(asked) => Some(asked.pool.clone()),
            Held::InAdvance(taken) => taken.lasting.pool(),
        }
    }
}

/// Ready once a permit's holder is to go; never, where nobody can take it from it.
#[derive(Debug, Default)]
#[must_use = "it says nothing until it is awaited"]
pub struct Preemption(Option<oneshot::Receiver<Answered<BulkheadReply>>>);

impl Preemption {
    pub(super) fn heard_by(word: Option<oneshot::Receiver<Answered<BulkheadReply>>>) -> Self {
        Preemption(word)
    }
}

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

impl Asked {
    fn ended(&self) -> Ended {
        let ended = self.ended.load(Ordering::Relaxed);
        [Ended::Answered, Ended::Overloaded]
            .into_iter()
            .find(|known| *known as u8 == ended)
            .unwrap_or(Ended::Neutral)
    }
}

/// Gives back what the actor granted, or may still grant.
impl Drop for Asked {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let super::handle::Shared { hosted, outage, would_refuse, .. } = &*self.pool.shared;
        if self.observed.take().is_some_and(Observed::was_refused) {
            would_refuse.fetch_add(1, Ordering::Relaxed);
        }
        outage.end(self.ticket);
        if let Some(since) = self.since {
            let (latency, ended) = (hosted.now().since(since), self.ended());
            hosted.note(BulkheadInput::Ended { latency, ended });
        }
        hosted.note(BulkheadInput::GiveBack(self.ticket));
    }
}
