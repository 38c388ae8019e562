use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use steadfast_actors::adaptive::timeout::AdaptiveHandle;
use steadfast_actors::breaker::{BreakerHandle, BreakerPermit};
use steadfast_actors::bulkhead::{BulkheadPermit, Granted, PoolKind, Preemption, Priority, SharedPermit};
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Outcome;
use steadfast_actors::rejection::{FullReason, Rejection};
use steadfast_actors::settings::Mode;
use steadfast_actors::shed::ShedHandle;

use super::call::Call;
use super::hold::{Address, Around, Grant, Hold};
use super::inputs::Inputs;
use super::limits::By;
use super::pool::PoolGate;

/// A layer that lets an attempt pass, and hears how it ended.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// A breaker, and whose it is where each key has its own.
    Breaker(BreakerHandle, Option<By>),
    /// A bulkhead, or a throttle.
    Pool(PoolGate),
    /// What turns calls away before they wait for the pool of that actor.
    Shed(ShedHandle, Priority, Option<usize>),
    /// What bounds an attempt by what recent ones needed.
    Timed(AdaptiveHandle),
}

/// How long an attempt may take: found out only where somebody has to be told, since that takes a look at the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience<'c> {
    /// The attempt's own timeout.
    pub(crate) per_attempt: Option<Duration>,
    pub(crate) call: &'c Call,
}

impl Patience<'_> {
    fn duration(self) -> Option<Duration> {
        self.per_attempt.into_iter().chain(self.call.left()).min()
    }
}

/// A pass through a gate. Dropped without a word it counts as cancelled.
#[derive(Debug)]
pub(crate) struct Pass {
    kind: PassKind,
    /// Ends before the grant is given back: nobody inside may still rely on it then.
    hold: Option<Hold>,
    pool: Option<(Place, Preemption)>,
    /// What learns from the attempt, and the limit that it gave.
    learned: Option<(AdaptiveHandle, Duration)>,
}

/// A place in a pool.
#[derive(Debug)]
enum Place {
    Plain(BulkheadPermit),
    /// Of a kind whose work is done under it.
    Shared(SharedPermit),
}

const CLOSED: &str = "closed";
const PERMIT: &str = "permit";

#[derive(Clone, Copy, Debug)]
enum PassKind {
    Closed,
    /// With how long it may take.
    Probe(Duration),
    Place,
    /// It may wait.
    Admitted,
    /// With how long it may take; `None` where that is only watched.
    Timed(Option<Duration>),
    /// A call around this one holds it already.
    Around,
}

impl Gate {
    /// Asks to pass. `patience` says how long the attempt may take, `passed` what it has passed already.
    pub(crate) async fn admit(
        &self,
        call: &Arc<Call>,
        inputs: &Inputs,
        patience: Patience<'_>,
        passed: &[Pass],
    ) -> Result<Pass, Rejection> {
        let address = self.address(inputs);
        // A call inside has a limit of its own.
        if let Gate::Timed(learned) = self {
            let limit = learned.begin(passed.iter().any(Pass::is_probe))?;
            let cuts = limit.filter(|_| learned.config().mode == Mode::Enforce);
            let learned = limit.map(|limit| (learned.clone(), limit));
            return Ok(Pass { learned, ..Pass::of(PassKind::Timed(cuts), None) });
        }
        let around = around(call, &address, passed);
        match self {
            // Whoever has its place already waits for none.
            Gate::Pool(..) | Gate::Shed(..) if around.is_some() => Ok(Pass::of(PassKind::Around, None)),
            Gate::Shed(shed, priority, _) => {
                call.note_waiting(shed.admit(*priority).await?);
                Ok(Pass::of(PassKind::Admitted, None))
            }
            Gate::Pool(pool) => {
                let (permit, kind) = pool.admit(call, inputs).await?;
                Ok(Self::place(call, address, permit, kind))
            }
            Gate::Breaker(breaker, _) => {
                let (permit, lender) = match around {
                    Some(Around::Permit(permit, lender)) => (permit, Some(lender)),
                    Some(Around::Lent(lender)) => (admit(breaker, &address, patience).await?, Some(lender)),
                    Some(Around::Place) | None => (admit(breaker, &address, patience).await?, None),
                };
                let kind = permit.lease().map_or(PassKind::Closed, PassKind::Probe);
                let hold = Hold::new(call, address, Grant::Breaker(permit), lender);
                Ok(Pass::of(kind, Some(hold)))
            }
            Gate::Timed(_) => Ok(Pass::of(PassKind::Timed(None), None)),
        }
    }

    /// Whether this attempt, or a call around it, holds a place of this pool.
    pub(crate) fn has_place(&self, call: &Arc<Call>, inputs: &Inputs, passed: &[Pass]) -> bool {
        matches!(self, Gate::Pool(..)) && around(call, &self.address(inputs), passed).is_some()
    }

    /// Asks for the place of a call that runs with all its optional parts off; `None` where it needs no place.
    pub(crate) async fn admit_reduced(
        &self,
        call: &Arc<Call>,
        inputs: &Inputs,
    ) -> Result<Option<Pass>, Rejection> {
        let Gate::Pool(pool) = self else { return Ok(None) };
        let permit = pool.handle.acquire_optional().await?;
        let kind = pool.handle.config().kind();
        Ok(Some(Self::place(call, self.address(inputs), permit, kind)))
    }

    fn place(call: &Arc<Call>, address: Address, mut permit: BulkheadPermit, kind: PoolKind) -> Pass {
        let preemption = permit.preemption();
        let (place, shared) = match kind {
            // Nothing is done under a number, which so costs no more than its atomic.
            PoolKind::Semaphore | PoolKind::Memory => (Place::Plain(permit), None),
            _ => {
                let permit = permit.shared();
                (Place::Shared(permit.clone()), Some(permit))
            }
        };
        let hold = Hold::new(call, address, Grant::Place(shared), None);
        Pass { pool: Some((place, preemption)), ..Pass::of(PassKind::Place, Some(hold)) }
    }

    /// The kind and name of its actor.
    pub(crate) fn actor(&self) -> (Kind, &'static str) {
        match self {
            Gate::Breaker(breaker, _) => (Kind::Breaker, breaker.name()),
            Gate::Pool(pool) => (pool.handle.hosted().kind(), pool.handle.name()),
            Gate::Shed(shed, ..) => (Kind::Shed, shed.name()),
            Gate::Timed(learned) => (Kind::Adaptive, learned.name()),
        }
    }

    /// What tells it from all others, but for the keys of one breaker.
    #[inline]
    pub(crate) fn actor_address(&self) -> usize {
        match self {
            Gate::Breaker(breaker, _) => Arc::as_ptr(breaker.hosted()) as usize,
            Gate::Pool(pool) => Arc::as_ptr(pool.handle.hosted()) as usize,
            Gate::Shed(shed, _, pool) => pool.unwrap_or(Arc::as_ptr(shed.hosted()) as usize),
            Gate::Timed(learned) => Arc::as_ptr(learned.hosted()) as usize,
        }
    }

    /// What tells it from all others.
    fn address(&self, inputs: &Inputs) -> Address {
        let key = match self {
            Gate::Breaker(_, Some(by)) => Some(by.key(inputs)),
            _ => None,
        };
        Address { actor: self.actor_address(), key }
    }

    /// Whether its actor may grant in advance what this site asks of it.
    pub(crate) fn can_be_passed_at_once(&self) -> bool {
        match self {
            Gate::Breaker(_, by) => by.is_none(),
            Gate::Pool(pool) => {
                !pool.weighs && !pool.preempts && pool.handle.config().kind() == PoolKind::Semaphore
            }
            Gate::Shed(..) | Gate::Timed(..) => false,
        }
    }

    /// The pass of who passed on `word`, which lies among the holds.
    pub(super) fn passed_at_once(&self, word: u64, hold: Hold) -> Pass {
        match self {
            Gate::Pool(pool) => {
                let permit = pool.handle.permit(Granted::of_word(word));
                let pool = Some((Place::Plain(permit), Preemption::default()));
                Pass { pool, ..Pass::of(PassKind::Place, Some(hold)) }
            }
            _ => Pass::of(PassKind::Closed, Some(hold)),
        }
    }
}

/// What the attempt, its call as a whole, or a call around it holds of the gate there.
fn around(call: &Arc<Call>, address: &Address, passed: &[Pass]) -> Option<Around> {
    let is_passed = |place| passed.iter().any(|pass| pass.hold.as_ref().map(Hold::place) == Some(place));
    Hold::around(call, address, is_passed)
}

async fn admit(
    breaker: &BreakerHandle,
    address: &Address,
    patience: Patience<'_>,
) -> Result<BreakerPermit, Rejection> {
    match &address.key {
        Some(key) => breaker.of(key).admit(patience.duration()).await,
        None => breaker.admit(patience.duration()).await,
    }
}

impl Pass {
    fn of(kind: PassKind, hold: Option<Hold>) -> Self {
        Pass { kind, hold, pool: None, learned: None }
    }

    /// Whether a breaker learns from it whether its dependency is back.
    fn is_probe(&self) -> bool {
        matches!(self.kind, PassKind::Probe(_))
    }

    /// Ready once a caller of a higher class wants what was granted here.
    pub(crate) fn poll_preempted(&mut self, context: &mut Context<'_>) -> Poll<Rejection> {
        let Some((place, preemption)) = &mut self.pool else { return Poll::Pending };
        ready!(Pin::new(preemption).poll(context));
        let pool = match place {
            Place::Plain(permit) => permit.pool(),
            Place::Shared(permit) => permit.pool().cloned(),
        };
        // Whoever asked for its permit has its pool.
        let Some(pool) = pool else { return Poll::Pending };
        Poll::Ready(Rejection::full(pool.hosted().kind(), pool.name(), FullReason::Preempted, None))
    }

    /// The permit, where work is done under it.
    pub(crate) fn shared(&self) -> Option<SharedPermit> {
        match self.pool.as_ref()? {
            (Place::Shared(permit), _) => Some(permit.clone()),
            (Place::Plain(_), _) => None,
        }
    }

    /// How long the attempt may run at most because of it: a probe that takes longer has failed.
    pub(crate) fn lease(&self) -> Option<Duration> {
        match self.kind {
            PassKind::Probe(lease) => Some(lease),
            PassKind::Timed(limit) => limit,
            PassKind::Closed | PassKind::Place | PassKind::Admitted | PassKind::Around => None,
        }
    }

    /// The same of what is granted in advance.
    pub(super) fn words_at_once(gate: &Gate) -> &'static str {
        if matches!(gate, Gate::Pool(_)) { PERMIT } else { CLOSED }
    }

    /// What sort of pass it is.
    pub(crate) fn describe(&self) -> Cow<'static, str> {
        let words = match self.kind {
            PassKind::Closed => CLOSED,
            PassKind::Probe(_) => "probe",
            PassKind::Place => PERMIT,
            PassKind::Admitted => "may wait",
            PassKind::Timed(Some(limit)) => return format!("limit {limit:?}").into(),
            PassKind::Timed(None) => "no limit",
            PassKind::Around => "held around it already",
        };
        words.into()
    }

    /// Reports how the attempt ended.
    pub(crate) async fn settle(mut self, outcome: Outcome) {
        self.tell(outcome);
        if let Some(permit) = self.hold.take().and_then(|hold| hold.settled(outcome)) {
            permit.report(outcome).await;
        }
    }

    /// The same where nothing can be waited for.
    pub(crate) fn note(mut self, outcome: Outcome) {
        self.tell(outcome);
        if let Some(permit) = self.hold.take().and_then(|hold| hold.settled(outcome)) {
            permit.note(outcome);
        }
    }

    /// Tells those who learn from it how the attempt ended.
    fn tell(&mut self, outcome: Outcome) {
        if let Some((learned, limit)) = self.learned.take() {
            learned.ended(limit, outcome);
        }
        match &self.pool {
            Some((Place::Plain(permit), _)) => permit.note(outcome.ending),
            Some((Place::Shared(permit), _)) => permit.note(outcome.ending),
            None => {}
        }
    }
}
