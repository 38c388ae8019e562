use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::window::Counts;
use super::{
    BreakerConfig, BreakerInput, BreakerReply, BreakerState, BreakerStatus, Force, KeyedBreakerMachine,
    KeyedInput, KeyedStatus,
};
use crate::clock::Time;
use crate::host::{AskError, Hosted};
use crate::machine::{Kind, Ticket};
use crate::outcome::{Ending, Outcome};
use crate::rejection::Rejection;
use crate::settings::{Grants, Mode, OnUnavailable};

/// `None` for the breaker that all calls without a key share.
type Key = Option<Arc<str>>;

const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Off];

/// One breaker, for code that uses it without a macro. Cheap to clone; all clones are the same breaker.
#[derive(Clone, Debug)]
pub struct BreakerHandle {
    shared: Arc<Shared>,
    /// Whose breaker it is; `None` where all calls share one.
    key: Key,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<KeyedBreakerMachine>>,
    config: BreakerConfig,
    /// An operator's mode, as its place in [`MODES`]; what is declared where it is beyond them.
    mode: AtomicU8,
    /// Calls that observe mode would have refused.
    would_refuse: AtomicU64,
    /// Probes that were let in while the actor could not be asked, key by key: when the present period began, and how
    /// many. Only keys that were published as not closed get in.
    outage: Mutex<BTreeMap<Key, (Time, u32)>>,
}

impl BreakerHandle {
    /// The handle of a hosted breaker.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<KeyedBreakerMachine>>, config: BreakerConfig) -> Self {
        let outage = Mutex::default();
        let (mode, would_refuse) = (AtomicU8::new(u8::MAX), AtomicU64::new(0));
        let shared = Shared { hosted, config, mode, would_refuse, outage };
        BreakerHandle { shared: Arc::new(shared), key: None }
    }

    /// The breaker of one key under this name: a shard or a host that fails for itself.
    ///
    /// ```no_run
    /// # use steadfast_actors::{breaker::BreakerHandle, rejection::Rejection};
    /// # async fn read(shards: BreakerHandle) -> Result<(), Rejection> {
    /// let permit = shards.of("shard-7").admit(None).await?;
    /// # drop(permit);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn of(&self, key: &str) -> Self {
        BreakerHandle { shared: Arc::clone(&self.shared), key: Some(Arc::from(key)) }
    }

    /// Whose breaker it is; `None` where all calls share one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.hosted.name()
    }

    /// Its state as last published.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.status().state
    }

    /// Its state, epoch and counts as last published. Of keys only those that are not closed are published; any other
    /// reads as closed in epoch 0.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        let KeyedStatus { own, unsettled, .. } = self.shared.hosted.status();
        let closed =
            BreakerStatus { state: BreakerState::Closed, epoch: 0, counts: Counts::default(), until: None };
        self.key.as_ref().map_or(own, |key| unsettled.get(key).copied().unwrap_or(closed))
    }

    /// How many keys have a breaker of their own, and which of these are not closed, as last published.
    #[must_use]
    pub fn keys(&self) -> (usize, Arc<BTreeMap<Arc<str>, BreakerStatus>>) {
        let status = self.shared.hosted.status();
        (status.keys, status.unsettled)
    }

    fn input(&self, input: BreakerInput) -> KeyedInput {
        KeyedInput { key: self.key.clone(), input }
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &BreakerConfig {
        &self.shared.config
    }

    /// Whether it acts on its decisions: what an operator ordered last, else what is declared.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let ordered = MODES.get(usize::from(self.shared.mode.load(Ordering::Relaxed)));
        ordered.copied().unwrap_or_else(|| self.shared.config.mode())
    }

    /// Orders it to act, to observe or to be off, whatever is declared; `None` is back to that.
    pub fn set_mode(&self, order: Option<Mode>) {
        let place = MODES.iter().position(|mode| Some(*mode) == order);
        let place = place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX);
        self.shared.mode.store(place, Ordering::Relaxed);
    }

    /// Whether what its actor grants is given in advance: what its name says, else what its runtime does.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.shared.config.grants().unwrap_or(self.shared.hosted.options().grants)
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<KeyedBreakerMachine>> {
        &self.shared.hosted
    }

    /// How many calls observe mode let pass that it would have refused.
    #[must_use]
    pub fn would_refuse(&self) -> u64 {
        self.shared.would_refuse.load(Ordering::Relaxed)
    }

    /// Asks to pass. `patience` is how long a probe may keep its slot: the attempt's timeout, else what is left of
    /// the caller's deadline.
    ///
    /// # Errors
    /// [`Rejection::Open`] while it is open, [`Rejection::Unavailable`] where its actor cannot decide and the breaker
    /// is declared to reject then.
    ///
    /// # Cancel safety
    /// A dropped `admit` gives back whatever it was granted.
    pub async fn admit(&self, patience: Option<Duration>) -> Result<BreakerPermit, Rejection> {
        if self.mode() == Mode::Off {
            return Ok(BreakerPermit::of_nobody());
        }
        let ticket = self.shared.hosted.ticket();
        // Made before the ask: dropped in the middle of it, the epoch is not known yet, and the present one is right
        // for any probe that the actor may have granted.
        let mut permit =
            BreakerPermit { handle: Some(self.clone()), ticket, epoch: 0, lease: None, lent: false };
        match self.shared.hosted.ask(ticket, self.input(BreakerInput::Admit { patience })).await {
            Ok(answer) => match answer.reply {
                BreakerReply::Admitted { epoch, probe } => {
                    permit.epoch = epoch;
                    permit.lease = probe.then(|| self.shared.config.probe_lease(patience));
                    Ok(permit)
                }
                BreakerReply::Refused { state, retry_after } => {
                    permit.handle = None;
                    self.refuse(Rejection::open(self.name(), describe(state), retry_after))
                }
            },
            Err(error) => {
                permit.handle = None;
                self.unasked(ticket, error)
            }
        }
    }

    fn refuse(&self, rejection: Rejection) -> Result<BreakerPermit, Rejection> {
        if self.mode() == Mode::Observe {
            self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(BreakerPermit::of_nobody());
        }
        Err(rejection)
    }

    /// The actor could not be asked: what it published last still holds.
    fn unasked(&self, ticket: Ticket, error: AskError) -> Result<BreakerPermit, Rejection> {
        // Poison must not buy a bypass: a key that crashed the actor is refused whatever is declared.
        let poisoned = matches!(error, AskError::Quarantined(_));
        if poisoned || self.shared.config.on_unavailable() == OnUnavailable::Reject {
            return self.refuse(error.rejection(Kind::Breaker, self.name()));
        }
        let status = self.status();
        let pass = match status.state {
            BreakerState::Closed | BreakerState::ForcedClosed => true,
            BreakerState::ForcedOpen => false,
            BreakerState::Open | BreakerState::HalfOpen => self.outage_probe(status.until),
        };
        if pass {
            let handle = Some(self.clone());
            return Ok(BreakerPermit { handle, ticket, epoch: status.epoch, lease: None, lent: false });
        }
        self.refuse(Rejection::open(self.name(), describe(status.state), None))
    }

    /// "Allow" is not "unlimited": so many probes for each recovery time.
    fn outage_probe(&self, until: Option<Time>) -> bool {
        let now = self.shared.hosted.now();
        if until.is_some_and(|until| now < until) {
            return false;
        }
        let period = self.shared.config.recovery_timeout();
        let mut outage = self.shared.outage.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose period is over begin anew: nothing of them needs to be kept.
        outage.retain(|_, (since, _)| now.since(*since) < period);
        let (_, passed) = outage.entry(self.key.clone()).or_insert((now, 0));
        *passed += 1;
        *passed <= self.shared.config.half_open_permits()
    }

    /// Orders it open, whatever its window says, until it is reset.
    pub async fn force_open(&self) {
        self.order(Force::Open).await;
    }

    /// Orders it closed, whatever its window says, until it is reset.
    pub async fn force_close(&self) {
        self.order(Force::Closed).await;
    }

    /// Back to work: closed, with an empty window.
    pub async fn reset(&self) {
        self.order(Force::Reset).await;
    }

    async fn order(&self, order: Force) {
        self.shared.hosted.report(self.input(BreakerInput::Force(order))).await;
    }
}

fn describe(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed, but still letting calls back in slowly",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half open with every probe out",
        BreakerState::ForcedOpen => "forced open by an operator",
        BreakerState::ForcedClosed => "forced closed by an operator",
    }
}

/// A pass through a breaker. Report how the attempt ended; dropped without a report it counts as cancelled, and a
/// probe's slot is given back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts as a cancelled call"]
pub struct BreakerPermit {
    handle: Option<BreakerHandle>,
    ticket: Ticket,
    epoch: u64,
    lease: Option<Duration>,
    /// A call further in has taken it over.
    lent: bool,
}

impl BreakerPermit {
    fn of_nobody() -> Self {
        BreakerPermit { handle: None, ticket: Ticket(0), epoch: 0, lease: None, lent: false }
    }

    /// Hands the pass, and a probe's slot with it, over to a call further in. What is left may still report how the
    /// call around ended, as one more outcome of the same epoch; dropped, it says nothing.
    pub fn lend(&mut self) -> BreakerPermit {
        let lent = std::mem::replace(&mut self.lent, true);
        BreakerPermit { handle: self.handle.clone(), lent, ..*self }
    }

    /// Whether this call decides over closing.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.lease.is_some()
    }

    /// How long a probe may run: cut after that it has failed. `None` for any other call.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.lease
    }

    /// Reports and waits, at most 1 ms, until what follows from it is published.
    ///
    /// # Cancel safety
    /// What was reported stays reported.
    pub async fn report(mut self, outcome: Outcome) {
        if let Some(handle) = self.handle.take() {
            handle.shared.hosted.report(handle.input(self.outcome(outcome))).await;
        }
    }

    /// Reports without waiting; for drop paths.
    pub fn note(mut self, outcome: Outcome) {
        if let Some(handle) = self.handle.take() {
            handle.shared.hosted.note(handle.input(self.outcome(outcome)));
        }
    }

    fn outcome(&self, outcome: Outcome) -> BreakerInput {
        BreakerInput::Report { ticket: self.ticket, epoch: self.epoch, outcome }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && !self.lent
        {
            let input = if self.epoch == 0 {
                // The ask was dropped before its answer: the actor knows the epoch of whatever it granted.
                BreakerInput::GiveBack { ticket: self.ticket }
            } else {
                self.outcome(Outcome { ending: Ending::Cancelled, latency: Duration::ZERO })
            };
            handle.shared.hosted.note(handle.input(input));
        }
    }
}
