use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Hedge, HedgeInput, HedgeMachine, HedgeReply, HedgeStatus};
use crate::host::{AskError, Hosted};
use crate::machine::Ticket;
use crate::settings::Mode;

/// One hedge, for code that uses it without a macro. Cheap to clone; all clones are the same hedge.
///
/// # Example
/// ```no_run
/// # use steadfast_actors::adaptive::hedge::HedgeHandle;
/// # async fn second_attempt() {}
/// # async fn example(hedge: HedgeHandle) {
/// if let Some(grant) = hedge.may_begin().await {
///     grant.begun();
///     second_attempt().await;
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HedgeHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<HedgeMachine>>,
    config: Hedge,
    /// Attempts that observe mode would have begun.
    would_begin: AtomicU64,
}

impl HedgeHandle {
    /// The handle of a hosted hedge.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<HedgeMachine>>, config: Hedge) -> Self {
        HedgeHandle { shared: Arc::new(Shared { hosted, config, would_begin: AtomicU64::new(0) }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// What it has learned, as last published.
    #[must_use]
    pub fn status(&self) -> HedgeStatus {
        self.shared.hosted.status()
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &Hedge {
        &self.shared.config
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<HedgeMachine>> {
        &self.shared.hosted
    }

    /// After which time a further attempt begins beside one that still runs; `None` while that is not known.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.status().delay
    }

    /// How many further attempts observe mode would have begun.
    #[must_use]
    pub fn would_begin(&self) -> u64 {
        self.shared.would_begin.load(Ordering::Relaxed)
    }

    /// Asks whether a further attempt may begin; `None` where it may not, or where nobody can say so: without an answer
    /// there is only the first attempt, as without a hedge.
    ///
    /// # Cancel safety
    /// Whatever was granted to one that is dropped comes back.
    pub async fn may_begin(&self) -> Option<HedgeGrant> {
        let hosted = &self.shared.hosted;
        // Made before the ask: dropped in the middle of it, what the actor grants is given back.
        let mut grant = HedgeGrant { handle: self.clone(), ticket: Some(hosted.ticket()) };
        let answer = hosted.ask(grant.ticket.unwrap_or(Ticket(0)), HedgeInput::Begin).await;
        match answer.map(|answer| answer.reply) {
            Ok(HedgeReply::Granted) if self.shared.config.mode == Mode::Enforce => return Some(grant),
            Ok(HedgeReply::Granted) => {
                self.shared.would_begin.fetch_add(1, Ordering::Relaxed);
            }
            // It may still be on its way there, and be granted.
            Err(AskError::NoAnswer) => {}
            // Nothing was granted, and no more may be noted for an actor that does not read it.
            Ok(HedgeReply::Refused(_)) | Err(_) => grant.ticket = None,
        }
        None
    }

    /// Notes that a first attempt ended: with what it needed, with what it had run for when another one won, or with
    /// nothing where it tells nothing of that.
    pub fn ended(&self, latency: Option<Duration>) {
        self.note(HedgeInput::Ended { latency });
    }

    /// Notes that a further attempt answered first.
    pub fn won(&self) {
        self.note(HedgeInput::Won);
    }

    fn note(&self, input: HedgeInput) {
        self.shared.hosted.learn(input);
    }
}

/// Leave for one further attempt. Dropped before it [`begun`](HedgeGrant::begun) it comes back.
#[derive(Debug)]
#[must_use = "leave that is dropped at once is given back at once"]
pub struct HedgeGrant {
    handle: HedgeHandle,
    ticket: Option<Ticket>,
}

impl HedgeGrant {
    /// The attempt begins.
    pub fn begun(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.handle.note(HedgeInput::Began(ticket));
        }
    }
}

impl Drop for HedgeGrant {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.handle.note(HedgeInput::GiveBack(ticket));
        }
    }
}
