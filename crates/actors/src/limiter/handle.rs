use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::checking::Checking;
use super::gate::Taken;
use super::outage::Outage;
use super::reservation::{Held, Reservation};
use super::{Decision, LimiterConfig, LimiterInput, LimiterMachine, LimiterReply, LimiterStatus};
use crate::clock::Time;
use crate::host::{AskError, Hosted, Reply, aside};
use crate::machine::{Kind, Ticket};
use crate::rejection::{Rejection, Words};
use crate::settings::{Grants, Mode, OnUnavailable};

/// One limiter, for code that uses it without a macro. Cheap to clone; all clones are the same limiter.
#[derive(Clone, Debug)]
pub struct LimiterHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<LimiterMachine>>,
    config: LimiterConfig,
    /// The quota in words; refusals come in floods, and each one names it.
    quota: Words,
    /// Calls that observe mode would have refused.
    would_refuse: AtomicU64,
    outage: Outage,
}

impl LimiterHandle {
    /// The handle of a hosted limiter.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<LimiterMachine>>, config: LimiterConfig) -> Self {
        let outage = Outage::new(config.clone());
        let quota = Words::kept(&config.quota());
        LimiterHandle {
            shared: Arc::new(Shared { hosted, config, quota, would_refuse: AtomicU64::new(0), outage }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// Its keys and counts. What a key's callers spent in advance is counted with the next question about that key.
    #[must_use]
    pub fn status(&self) -> LimiterStatus {
        self.shared.hosted.fresh_status()
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &LimiterConfig {
        &self.shared.config
    }

    /// Whether what its actor grants is given in advance: what its name says, else what its runtime does.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.shared.config.grants().unwrap_or(self.shared.hosted.options().grants)
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    #[inline]
    pub fn hosted(&self) -> &Arc<Hosted<LimiterMachine>> {
        &self.shared.hosted
    }

    /// How many calls observe mode let pass that it would have refused.
    #[must_use]
    pub fn would_refuse(&self) -> u64 {
        self.shared.would_refuse.load(Ordering::Relaxed)
    }

    /// Spends one request of `key`, which is the empty text where all callers share one quota. Waits for its turn
    /// as long as the limiter's `max_wait` allows.
    ///
    /// # Errors
    /// [`Rejection::RateLimited`] where the quota is used up, [`Rejection::Unavailable`] where its actor cannot
    /// decide and the limiter is declared to reject then, or where the key is quarantined.
    ///
    /// # Cancel safety
    /// A check that is dropped while it waits spends nothing. Dropped in the moment between the actor's grant and
    /// its arrival, it is spent: a [`reserve`](LimiterHandle::reserve) would give it back then, too.
    #[inline]
    pub fn check<'a>(
        &'a self,
        key: &'a str,
    ) -> impl Future<Output = Result<Decision, Rejection>> + Send + 'a {
        self.check_until(key, 1, Time::MAX)
    }

    /// Spends `cost` requests of `key` at once; zero looks at the quota and spends nothing.
    ///
    /// # Errors
    /// As [`check`](LimiterHandle::check); a cost above the quota is refused without a time to try again.
    ///
    /// # Cancel safety
    /// As [`check`](LimiterHandle::check).
    #[inline]
    pub fn check_n<'a>(
        &'a self,
        key: &'a str,
        cost: u64,
    ) -> impl Future<Output = Result<Decision, Rejection>> + Send + 'a {
        self.check_until(key, cost, Time::MAX)
    }

    /// The same, waiting no longer than until `deadline`: whoever would not be granted by then is refused at once.
    ///
    /// # Errors
    /// As [`check`](LimiterHandle::check).
    ///
    /// # Cancel safety
    /// As [`check`](LimiterHandle::check).
    #[inline]
    pub fn check_until<'a>(
        &'a self,
        key: &'a str,
        cost: u64,
        deadline: Time,
    ) -> impl Future<Output = Result<Decision, Rejection>> + Send + 'a {
        Checking::new(self, key, cost, deadline)
    }

    pub(super) async fn spend(&self, key: &str, cost: u64, deadline: Time) -> Result<Decision, Rejection> {
        let reservation = self.acquire(key, cost, false, deadline).await?;
        let decision = reservation.decision();
        reservation.settle();
        Ok(decision)
    }

    /// Takes `cost` requests of `key` so that they can still be given back: this is how several limiters of one call
    /// take one decision.
    ///
    /// Reserve from each in turn and settle all once the last one has granted. Where one refuses, dropping the
    /// others leaves them as if the call had never come.
    ///
    /// ```no_run
    /// # use steadfast_actors::{clock::Time, limiter::LimiterHandle, rejection::Rejection};
    /// # async fn both(address: LimiterHandle, user: LimiterHandle, until: Time) -> Result<(), Rejection> {
    /// let by_address = address.reserve("10.0.0.1", 1, until).await?;
    /// let by_user = user.reserve("u7", 1, until).await?;
    /// by_address.settle();
    /// by_user.settle();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`check`](LimiterHandle::check).
    ///
    /// # Cancel safety
    /// A dropped `reserve` gives back whatever it was granted.
    pub async fn reserve(&self, key: &str, cost: u64, deadline: Time) -> Result<Reservation, Rejection> {
        match self.try_granted(key, cost) {
            Some(granted) => granted.map(|granted| self.reservation_of(key, granted)),
            None => aside(|| self.acquire(key, cost, true, deadline)).await,
        }
    }

    pub(super) fn put_back(&self, key: &str, taken: Taken) {
        let hosted = &self.shared.hosted;
        if !hosted.gate().put_back(key, taken) {
            hosted.gate().ask(key);
            hosted.note(LimiterInput::Return { key: key.to_owned(), part: taken.part() });
        }
    }

    async fn acquire(
        &self,
        key: &str,
        cost: u64,
        hold: bool,
        deadline: Time,
    ) -> Result<Reservation, Rejection> {
        let Shared { hosted, config, .. } = &*self.shared;
        let ticket = hosted.ticket();
        let patience = match config.max_wait() {
            Some(most) => most.min(hosted.now().until(deadline)),
            None => Duration::ZERO,
        };
        // Made before the ask: dropped in the middle of it, whatever the actor grants is given back. Who neither holds nor
        // waits has nothing that could be.
        let may_hold = hold || !patience.is_zero();
        let held = if may_hold { Held::ByActor(key.into()) } else { Held::Nowhere };
        let mut reservation = self.reservation(ticket, config.untouched(), held);
        if config.mode() == Mode::Off {
            reservation.held = Held::Nowhere;
            return Ok(reservation);
        }
        let input = LimiterInput::Check { key: key.to_owned(), cost, hold, patience };
        let mut queued = false;
        hosted.gate().ask(key);
        let mut answer = hosted.ask(ticket, input).await;
        if let Ok(Reply { reply: LimiterReply::Queued { expected }, more }) = answer {
            if config.mode() == Mode::Observe {
                // It keeps its place in the line, so that what follows is decided as if it had waited.
                let more_at = hosted.now().after(expected);
                reservation.decision = Decision { remaining: 0, more_at, ..config.untouched() };
                return Ok(reservation);
            }
            queued = true;
            answer = hosted.second(more, patience).await;
        }
        if answer.is_ok() {
            self.shared.outage.over(hosted);
        }
        // Nothing else holds anything, and no more may be noted for an actor that does not read it.
        let holds = match &answer {
            Ok(answer) => matches!(answer.reply, LimiterReply::Granted(_)) && (hold || queued),
            // It may still be in the line, or on its way there.
            Err(error) => queued || *error == AskError::NoAnswer,
        };
        if !holds {
            reservation.held = Held::Nowhere;
        }
        match answer.map(|answer| answer.reply) {
            Ok(LimiterReply::Granted(decision)) => {
                reservation.decision = decision;
                Ok(reservation)
            }
            Ok(LimiterReply::Refused { decision, retry_after }) => {
                self.refuse(decision, self.limited(decision, retry_after))
            }
            // Nobody is put in line twice.
            Ok(LimiterReply::Queued { .. }) => self.unasked(ticket, (key, cost, hold), AskError::NoAnswer),
            Err(error) => self.unasked(ticket, (key, cost, hold), error),
        }
    }

    pub(super) fn reservation(&self, ticket: Ticket, decision: Decision, held: Held) -> Reservation {
        Reservation { handle: self.clone(), ticket, decision, held }
    }

    #[inline]
    pub(super) fn limited(&self, decision: Decision, retry_after: Option<Duration>) -> Rejection {
        let Shared { hosted, quota, .. } = &*self.shared;
        Rejection::of_quota(hosted.name_kept(), *quota, decision, retry_after)
    }

    fn refuse(&self, decision: Decision, rejection: Rejection) -> Result<Reservation, Rejection> {
        if self.shared.config.mode() == Mode::Observe {
            self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(self.reservation(Ticket(0), decision, Held::Nowhere));
        }
        Err(rejection)
    }

    /// The actor could not be asked.
    fn unasked(
        &self,
        ticket: Ticket,
        wanted: (&str, u64, bool),
        error: AskError,
    ) -> Result<Reservation, Rejection> {
        let Shared { hosted, config, outage, .. } = &*self.shared;
        // Poison must not buy a bypass: a key that crashed the actor is refused whatever is declared.
        if matches!(error, AskError::Quarantined(_)) || config.on_unavailable() == OnUnavailable::Reject {
            return self.refuse(config.untouched(), error.rejection(Kind::Limiter, hosted.name_kept()));
        }
        match outage.decide(hosted, ticket, wanted) {
            LimiterReply::Granted(decision) => {
                let held = if wanted.2 { Held::ByHandle } else { Held::Nowhere };
                Ok(self.reservation(ticket, decision, held))
            }
            LimiterReply::Refused { decision, retry_after } => {
                self.refuse(decision, self.limited(decision, retry_after))
            }
            LimiterReply::Queued { expected } => {
                self.refuse(config.untouched(), self.limited(config.untouched(), Some(expected)))
            }
        }
    }

    pub(super) fn end_locally(&self, input: &LimiterInput) {
        self.shared.outage.end(&self.shared.hosted, input);
    }
}
