//! A caller that has to ask the actor.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::gate::{Asking, Taking};
use super::handle::Shared;
use super::permit::{BulkheadPermit, Held, Observed, Preemption};
use super::{Acquire, BulkheadHandle, BulkheadInput, BulkheadReply, Priority, Refusal};
use crate::clock::saturating_nanos;
use crate::host::{AskError, Reply};
use crate::rejection::{FullReason, Rejection};
use crate::settings::{Mode, OnUnavailable};

impl Acquire {
    /// Its class, if the actor could have said in advance that it refuses it.
    pub(super) fn class_refused(&self) -> Option<Priority> {
        (self.weight <= 1 && !self.preempts).then_some(self.priority)
    }
}

impl BulkheadHandle {
    /// What the actor would say to a caller of this class that wants one permit, where it has said in advance that it would
    /// refuse it.
    #[inline]
    pub(super) fn refused(&self, class: Priority) -> Option<Rejection> {
        let (line, nanos) = self.refused_in_words(class);
        let waiting = u32::try_from(line.checked_sub(1)?).unwrap_or(u32::MAX);
        let retry_after = (waiting > 0).then(|| Duration::from_nanos(nanos));
        let reason = FullReason::QueueFull;
        Some(self.full(Refusal { reason, waiting, waited: Duration::ZERO, retry_after }))
    }

    /// The same in as few words as go by registers: one more than stand in line, or zero where it is not refused; and for how
    /// many nanoseconds at most, where any do.
    #[cold]
    #[inline(never)]
    fn refused_in_words(&self, class: Priority) -> (u64, u64) {
        let hosted = &self.shared.hosted;
        match hosted.gate().refusal(class, |until| hosted.clock().left_until(until)) {
            Some(Refusal { waiting, retry_after, .. }) => {
                (u64::from(waiting) + 1, retry_after.map_or(0, saturating_nanos))
            }
            None => (0, 0),
        }
    }

    /// Takes what is granted in advance, or goes where it is refused so, or else asks: in one change, so that nobody
    /// overtakes who asks.
    pub(super) async fn acquire_or_ask(&self, acquire: Acquire) -> Result<BulkheadPermit, Rejection> {
        let (hosted, weight) = (&self.shared.hosted, acquire.weight.max(1));
        let left = |until| hosted.clock().left_until(until);
        match hosted.gate().take(weight, acquire.class_refused(), left) {
            Taking::Taken => Ok(self.taken(weight)),
            Taking::Refused(refusal) => Err(self.full(refusal)),
            Taking::Asks(asking) => self.take(BulkheadInput::Acquire(acquire), Some(asking)).await,
        }
    }

    pub(super) async fn take(
        &self,
        input: BulkheadInput,
        asking: Option<Asking<'_>>,
    ) -> Result<BulkheadPermit, Rejection> {
        let Shared { hosted, outage, .. } = &*self.shared;
        let mode = self.config().mode();
        if mode == Mode::Off {
            return Ok(self.without_permit());
        }
        let ticket = hosted.ticket();
        // Made before the ask: dropped anywhere on its way, whatever the actor grants is given back.
        let mut permit = BulkheadPermit::new(Held::asked(self, ticket));
        let mut waited = None;
        let mut answer = match mode {
            Mode::Observe => hosted.ask(ticket, input).await,
            _ => hosted.ask_in_line(ticket, input, &mut waited).await,
        };
        drop(asking);
        if answer.is_ok() {
            outage.over();
        }
        if let Ok(Reply { reply: BulkheadReply::Queued { .. }, more }) = &mut answer {
            // Of one that observes: it keeps its place in the line, so that what follows is decided as if it had waited.
            if let Some(asked) = permit.asked() {
                asked.observed = more.take().map(Observed);
            }
            return Ok(permit);
        }
        if let Some(asked) = permit.asked() {
            asked.waited = waited.unwrap_or_default();
        }
        let more = answer.as_mut().ok().and_then(|answer| answer.more.take());
        match answer.map(|answer| answer.reply) {
            Ok(BulkheadReply::Granted) => {
                if let Some(asked) = permit.asked() {
                    asked.preemption = Preemption::heard_by(more);
                    asked.since = self.config().adaptive().is_some().then(|| hosted.now());
                }
                Ok(permit)
            }
            Ok(BulkheadReply::Refused(refusal)) => {
                permit.forget();
                self.refuse(self.full(refusal))
            }
            // Nothing else ends a wait.
            Ok(_) => self.unasked(input, AskError::NoAnswer),
            Err(error) => {
                // In line, or on its way there, it may still be granted: its permit, dropped here, gives that back.
                // Else it never reached the machine, and no more may be noted for an actor that does not read it.
                if waited.is_none() && error != AskError::NoAnswer {
                    permit.forget();
                }
                self.unasked(input, error)
            }
        }
    }

    #[inline]
    fn full(&self, refusal: Refusal) -> Rejection {
        let Refusal { reason, waiting, waited, retry_after } = refusal;
        let hosted = &self.shared.hosted;
        Rejection::full(hosted.kind(), hosted.name_kept(), reason, retry_after).with_line(waiting, waited)
    }

    fn refuse(&self, rejection: Rejection) -> Result<BulkheadPermit, Rejection> {
        if self.config().mode() == Mode::Observe {
            self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(self.without_permit());
        }
        Err(rejection)
    }

    fn without_permit(&self) -> BulkheadPermit {
        BulkheadPermit::new(Held::Nothing(self.clone()))
    }

    /// The actor could not be asked.
    fn unasked(&self, input: BulkheadInput, error: AskError) -> Result<BulkheadPermit, Rejection> {
        let hosted = &self.shared.hosted;
        if self.config().on_unavailable() == OnUnavailable::Allow
            && let BulkheadInput::Acquire(Acquire { weight, .. }) = input
            && let Some(permit) = self.take_unasked(weight.max(1))
        {
            return Ok(permit);
        }
        self.refuse(error.rejection(hosted.kind(), hosted.name_kept()))
    }

    /// What is free as the actor was last heard of.
    fn take_unasked(&self, weight: u64) -> Option<BulkheadPermit> {
        let Shared { hosted, outage, .. } = &*self.shared;
        if hosted.gate().serves() {
            return hosted.gate().take_unasked(weight).then(|| self.taken(weight));
        }
        outage.take(hosted, weight).map(|ticket| BulkheadPermit::new(Held::asked(self, ticket)))
    }
}
