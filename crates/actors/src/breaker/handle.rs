use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::permit::{Admission, BreakerPermit};
use super::window::Counts;
use super::{
    BreakerConfig, BreakerInput, BreakerReply, BreakerState, BreakerStatus, Force, KeyedBreakerMachine,
    KeyedInput, KeyedStatus, Unsettled,
};
use crate::clock::Time;
use crate::host::{AskError, Hosted, aside};
use crate::machine::{Kind, Ticket};
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
    config: Arc<BreakerConfig>,
    /// The number of the mode that holds: an operator's, else the declared one.
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
    pub fn new(hosted: Arc<Hosted<KeyedBreakerMachine>>, config: Arc<BreakerConfig>) -> Self {
        let outage = Mutex::default();
        let (mode, would_refuse) = (AtomicU8::new(config.mode() as u8), AtomicU64::new(0));
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
    #[inline]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.status().state
    }

    /// Its state, epoch and counts. Of keys only those that are not closed are published; any other reads as closed in
    /// epoch 0.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        self.own_part(self.shared.hosted.fresh_status())
    }

    fn own_part(&self, status: KeyedStatus) -> BreakerStatus {
        let KeyedStatus { own, unsettled, .. } = status;
        let closed =
            BreakerStatus { state: BreakerState::Closed, epoch: 0, counts: Counts::default(), until: None };
        self.key.as_ref().map_or(own, |key| unsettled.get(key).copied().unwrap_or(closed))
    }

    /// How many keys have a breaker of their own, and which of these are not closed, as last published.
    #[must_use]
    pub fn keys(&self) -> (usize, Unsettled) {
        let status = self.shared.hosted.status();
        (status.keys, status.unsettled)
    }

    #[inline]
    pub(super) fn input(&self, input: BreakerInput) -> KeyedInput {
        KeyedInput { key: self.key.clone(), input }
    }

    /// Its checked settings.
    #[must_use]
    #[inline]
    pub fn config(&self) -> &BreakerConfig {
        &self.shared.config
    }

    /// Whether it acts on its decisions: what an operator ordered last, else what is declared.
    #[must_use]
    #[inline]
    pub fn mode(&self) -> Mode {
        let mode = self.shared.mode.load(Ordering::Relaxed);
        MODES.into_iter().find(|known| *known as u8 == mode).unwrap_or_default()
    }

    /// Orders it to act, to observe or to be off, whatever is declared; `None` is back to that.
    pub fn set_mode(&self, order: Option<Mode>) {
        let mode = order.unwrap_or_else(|| self.shared.config.mode());
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Whether what its actor grants is given in advance: what its name says, else what its runtime does.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.shared.config.grants().unwrap_or(self.shared.hosted.options().grants)
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    #[inline]
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
    /// While it is closed, or open, that was granted in advance: no message is sent, and nothing is waited for.
    ///
    /// # Errors
    /// [`Rejection::Open`] while it is open, [`Rejection::Unavailable`] where its actor cannot decide and the breaker
    /// is declared to reject then.
    ///
    /// # Cancel safety
    /// A dropped `admit` gives back whatever it was granted.
    pub async fn admit(&self, patience: Option<Duration>) -> Result<BreakerPermit, Rejection> {
        match self.try_granted() {
            Some(granted) => granted.map(|granted| self.permit(granted)),
            None => aside(|| self.ask(patience)).await,
        }
    }

    pub(super) async fn ask(&self, patience: Option<Duration>) -> Result<BreakerPermit, Rejection> {
        let ticket = self.shared.hosted.ticket();
        // Made before the ask: dropped in the middle of it, the epoch is not known yet, and the actor knows that of any
        // probe that it may have granted.
        let mut permit = BreakerPermit::held(self, Admission::Asked { ticket, epoch: 0, lease: None });
        match self.shared.hosted.ask(ticket, self.input(BreakerInput::Admit { patience })).await {
            Ok(answer) => match answer.reply {
                BreakerReply::Admitted { epoch, probe } => {
                    let lease = probe.then(|| self.shared.config.probe_lease(patience));
                    permit.admission = Admission::Asked { ticket, epoch, lease };
                    Ok(permit)
                }
                BreakerReply::Refused { state, retry_after } => {
                    permit.admission = Admission::Unheard;
                    self.refuse(self.rejection(state, retry_after))
                }
            },
            Err(error) => {
                permit.admission = Admission::Unheard;
                self.unasked(ticket, error)
            }
        }
    }

    /// Counts one that observe mode let pass.
    pub(super) fn would_have_refused(&self) {
        self.shared.would_refuse.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn rejection(&self, state: BreakerState, retry_after: Option<Duration>) -> Rejection {
        Rejection::open(self.hosted().name_kept(), describe(state), retry_after)
    }

    fn refuse(&self, rejection: Rejection) -> Result<BreakerPermit, Rejection> {
        if self.mode() == Mode::Observe {
            self.would_have_refused();
            return Ok(BreakerPermit::held(self, Admission::Unheard));
        }
        Err(rejection)
    }

    /// The actor could not be asked: what it published last still holds.
    fn unasked(&self, ticket: Ticket, error: AskError) -> Result<BreakerPermit, Rejection> {
        // Poison must not buy a bypass: a key that crashed the actor is refused whatever is declared.
        let poisoned = matches!(error, AskError::Quarantined(_));
        if poisoned || self.shared.config.on_unavailable() == OnUnavailable::Reject {
            return self.refuse(error.rejection(Kind::Breaker, self.hosted().name_kept()));
        }
        let status = self.own_part(self.shared.hosted.status());
        let pass = match status.state {
            BreakerState::Closed | BreakerState::ForcedClosed => true,
            BreakerState::ForcedOpen => false,
            BreakerState::Open | BreakerState::HalfOpen => self.outage_probe(status.until),
        };
        if pass {
            let admission = Admission::Asked { ticket, epoch: status.epoch, lease: None };
            return Ok(BreakerPermit::held(self, admission));
        }
        self.refuse(self.rejection(status.state, None))
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
