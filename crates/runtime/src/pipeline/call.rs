use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use steadfast_actors::adaptive::brownout::BrownoutHandle;
use steadfast_actors::bulkhead::{PoolKind, SharedPermit};
use steadfast_actors::clock::Time;
use steadfast_actors::limiter::Decision;
use steadfast_actors::rejection::{Rejection, RejectionKind};
use steadfast_actors::shed::ShedPass;

use super::advance::InAdvance;
use super::began::Began;
use super::gate::Pass;
use super::hold::Holds;
use super::notes::{Note, Notes};
use super::plan::Plan;
use super::scope;
use super::spare::Owner;
use super::trail::Trail;
use crate::deadline::Deadline;
use crate::deadline::timer::Timer;
use crate::degradation::Degradation;
use crate::lock::lock;
use crate::runtime::Runtime;

/// One call of an annotated site while it runs. A call made inside it is its child.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) runtime: Runtime,
    owner: Owner,
    plan: Option<Arc<Plan>>,
    /// Whether it began as every call of its plan does: with no call around it, unnumbered, and with the time that is
    /// declared.
    is_like_others: bool,
    /// Zero where nobody asks for it.
    pub(crate) number: u64,
    /// Whether anybody listened to events when it began.
    pub(super) is_recorded: bool,
    pub(super) entered: Began,
    /// The parent's or the wire's deadline; the fallback runs under it.
    pub(crate) callers: Deadline,
    /// Its own time, from when it began.
    own: Option<Duration>,
    /// The time that children take their share of.
    pub(crate) total: Option<Duration>,
    /// The total that was declared for this very call, or its share of a declared one: no client chose it.
    pub(crate) declared: Option<Duration>,
    /// Whether `total` goes back to what a client chose.
    total_is_clients: bool,
    parent: Option<Arc<Call>>,
    /// What calls inside it and its own layers have noted of it.
    notes: Notes,
    /// The refusals in spite of which it runs, those of the whole call before those of its attempt.
    down: Mutex<Vec<Rejection>>,
    /// How many of them are of the whole call.
    down_throughout: AtomicUsize,
    /// Its own, or unused where a call around it has one.
    trail: Trail,
    holds: Holds,
    /// What it holds that is not among them yet.
    pub(super) in_advance: InAdvance,
    /// Empty, with the room that passes of earlier attempts took.
    rooms: Mutex<Vec<Vec<Pass>>>,
    /// While it waits for its first attempt: what hears how long it did.
    waiting: Mutex<Option<ShedPass>>,
    /// What says which optional parts it has.
    brownout: Option<BrownoutHandle>,
    /// The idempotency key under which it runs, once that is known.
    key: OnceLock<String>,
    /// Who called, for the record, once that is known.
    caller: OnceLock<String>,
    /// What wakes it in time while it waits, once it has.
    pub(super) timer: OnceLock<Timer>,
    /// It stands for a request that named no deadline, so that the first call inside gets the longest one.
    awaits_deadline: bool,
    /// It stands for a request, whose answer tells how the limiters stand.
    is_served: bool,
}

/// How long a request without a deadline of its own may take at least.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

impl Call {
    /// The call around this one, if any.
    #[inline]
    pub(crate) fn current() -> Option<Arc<Call>> {
        scope::current()
    }

    /// A call outside of any other, that has not begun.
    pub(super) fn of_plan(runtime: &Runtime, plan: &Arc<Plan>, owner: Owner) -> Arc<Call> {
        let brownout = plan.brownout.clone();
        let call = Self::new(runtime.clone(), plan.own_total(), brownout);
        let is_like_others = plan.has_calls_like_others();
        Arc::new(Call { owner, plan: Some(Arc::clone(plan)), is_like_others, ..call })
    }

    fn new(runtime: Runtime, own: Option<Duration>, brownout: Option<BrownoutHandle>) -> Call {
        Call {
            runtime,
            owner: Owner::default(),
            plan: None,
            is_like_others: false,
            number: 0,
            is_recorded: false,
            entered: Began::default(),
            callers: Deadline::NEVER,
            own,
            total: own,
            declared: own,
            total_is_clients: false,
            parent: None,
            notes: Notes::default(),
            down: Mutex::default(),
            down_throughout: AtomicUsize::new(0),
            trail: Trail::default(),
            holds: Holds::default(),
            in_advance: InAdvance::default(),
            rooms: Mutex::default(),
            waiting: Mutex::default(),
            brownout,
            key: OnceLock::new(),
            caller: OnceLock::new(),
            timer: OnceLock::new(),
            awaits_deadline: false,
            is_served: false,
        }
    }

    /// Makes it what [`of_plan`](Call::of_plan) makes, but for what it has allocated.
    pub(super) fn renew(&mut self) {
        let own = self.plan.as_ref().and_then(|plan| plan.own_total());
        (self.number, self.is_recorded) = (0, false);
        self.is_like_others = self.plan.as_ref().is_some_and(|plan| plan.has_calls_like_others());
        self.entered.forget();
        self.notes = Notes::default();
        self.down_throughout.store(0, Ordering::Relaxed);
        self.callers = Deadline::NEVER;
        (self.own, self.total, self.declared) = (own, own, own);
        self.total_is_clients = false;
        self.parent = None;
        self.down.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.trail = Trail::default();
        self.holds = Holds::default();
        *self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        (self.key, self.caller) = (OnceLock::new(), OnceLock::new());
    }

    /// Whether it needs nothing but to forget when it began; it does so.
    #[inline]
    pub(super) fn is_as_new(&self) -> bool {
        self.entered.forget();
        self.is_like_others && self.notes.are_none() && self.trail.is_untouched()
    }

    /// Whose call it is.
    #[inline]
    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether its plan lets all calls begin alike, where nothing is around them and nobody listens.
    #[inline]
    pub(super) fn is_like_others(&self) -> bool {
        self.is_like_others
    }

    /// Begins inside `parent`, with so much time of its own.
    pub(super) fn begin_inside(
        &mut self,
        parent: Option<Arc<Call>>,
        total: Option<Duration>,
        is_clients: bool,
    ) {
        self.is_like_others = false;
        self.callers = match &parent {
            Some(parent) if parent.awaits_deadline => {
                let fallback = self.plan.as_ref().and_then(|plan| plan.fallback.as_ref());
                let fallback = fallback.map_or(Duration::ZERO, |declared| declared.timeout);
                let declared = total.unwrap_or_default().saturating_add(fallback);
                Deadline::after(self.entered(), declared.max(LONGEST_REQUEST))
            }
            Some(parent) => parent.deadline(),
            None => Deadline::NEVER,
        };
        self.takes(parent, total, is_clients);
    }

    fn takes(&mut self, parent: Option<Arc<Call>>, total: Option<Duration>, is_clients: bool) {
        self.own = total;
        self.total = total.or_else(|| parent.as_ref().and_then(|parent| parent.total));
        self.declared = total.filter(|_| !is_clients);
        self.total_is_clients = match (&total, &parent) {
            (None, Some(parent)) => parent.total_is_clients,
            _ => is_clients,
        };
        self.parent = parent;
    }

    /// The root of a request that came from outside, with the time that its caller has left, if it said so.
    pub(crate) fn serving(runtime: &Runtime, wire: Option<Duration>) -> Arc<Call> {
        let mut call = Self::new(runtime.clone(), None, None);
        call.callers = wire.map_or(Deadline::NEVER, |left| Deadline::from_wire(call.entered(), left));
        call.takes(None, wire, true);
        Arc::new(Call { awaits_deadline: wire.is_none(), is_served: true, ..call })
    }

    /// Opens what runs in place of `call` after it failed, for so long at most: under the caller's deadline, no longer
    /// under the call's.
    pub(crate) fn beside(call: &Call, total: Duration) -> Arc<Call> {
        let mut beside = Self::new(call.runtime.clone(), None, call.brownout.clone());
        (beside.number, beside.is_recorded) = (call.number, call.is_recorded);
        beside.callers = call.callers;
        beside.takes(call.parent.clone(), Some(total), false);
        Arc::new(beside)
    }

    /// The plan that it runs; none where it stands for a request, or for a fallback.
    #[inline]
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// When it began.
    #[inline]
    pub(crate) fn entered(&self) -> Time {
        self.entered.at(self.runtime.clock())
    }

    /// Whether it ends at some time, whatever happens.
    #[inline]
    pub(crate) fn has_deadline(&self) -> bool {
        self.own.is_some() || self.callers != Deadline::NEVER
    }

    /// The smaller of the caller's deadline and this call's own.
    pub(crate) fn deadline(&self) -> Deadline {
        match self.own {
            Some(own) => self.callers.shortened_to(Deadline::after(self.entered(), own)),
            None => self.callers,
        }
    }

    /// Whether its time is over. Where nothing has waited yet it is not, unless the caller's was over from the start.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let may_be = self.callers != Deadline::NEVER || self.entered.known().is_some();
        may_be && self.has_deadline() && self.deadline().is_over(self.runtime.clock().now())
    }

    /// What it holds of the gates that it has passed.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The permit of the innermost pool of that kind that this call, or one around it, runs under.
    pub(crate) fn permit_of(&self, kind: PoolKind) -> Option<SharedPermit> {
        let mut around = std::iter::successors(Some(self), |call| call.parent.as_deref());
        around.find_map(|call| call.holds.permit_of(kind))
    }

    /// It waits for its first attempt from now on.
    pub(crate) fn note_waiting(&self, pass: ShedPass) {
        *lock(&self.waiting) = Some(pass);
    }

    /// Its first attempt begins.
    pub(crate) fn note_begun(&self) {
        let waited = lock(&self.waiting).take();
        if let Some(pass) = waited {
            pass.began();
        }
    }

    /// Whether an optional part of it is on.
    pub(crate) fn allows(&self, order: u32, part: &str) -> bool {
        self.brownout.as_ref().is_none_or(|brownout| brownout.allows(order, part, self.number))
    }

    /// What this call and those around it leave behind.
    pub(crate) fn trail(&self) -> &Trail {
        &self.outermost().trail
    }

    fn outermost(&self) -> &Call {
        let mut call = self;
        while let Some(around) = &call.parent {
            call = around;
        }
        call
    }

    /// Room for the passes of an attempt, or of the whole call.
    pub(super) fn room(&self) -> Vec<Pass> {
        let has_gates = self.plan.as_ref().is_some_and(|plan| plan.has_gates());
        let room = if has_gates { lock(&self.rooms).pop() } else { None };
        room.unwrap_or_default()
    }

    /// Takes it back for the next one.
    pub(super) fn give_room_back(&self, room: Vec<Pass>) {
        if room.is_empty() && room.capacity() > 0 {
            lock(&self.rooms).push(room);
        }
    }

    /// Notes how a limiter stands, where somebody will want to know.
    pub(crate) fn note_limit(&self, name: &str, decision: Decision) {
        let outermost = self.outermost();
        if outermost.is_served {
            outermost.trail.note_limit(name, decision);
        }
    }

    /// Notes who called.
    pub(crate) fn note_caller(&self, caller: String) {
        self.trail.touch();
        // The first to say so was the authenticator; whoever comes later knows no better.
        let _ = self.caller.set(caller);
    }

    pub(crate) fn caller(&self) -> Option<&str> {
        self.caller.get().map(String::as_str)
    }

    /// Notes the idempotency key under which it runs.
    pub(crate) fn note_key(&self, key: String) {
        self.trail.touch();
        // A call passes its store once.
        let _ = self.key.set(key);
    }

    /// The innermost idempotency key under which this code runs.
    pub(crate) fn key(&self) -> Option<&str> {
        let mut around = std::iter::successors(Some(self), |call| call.parent.as_deref());
        around.find_map(|call| call.key.get()).map(String::as_str)
    }

    /// Runs `future` inside this call.
    pub(crate) async fn around<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        scope::around(Arc::clone(self), future).await
    }

    /// The same for work that blocks a thread.
    pub(crate) fn around_blocking<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        scope::inside(&mut Some(self), work)
    }

    #[inline]
    pub(crate) fn parent(&self) -> Option<&Arc<Call>> {
        self.parent.as_ref()
    }

    /// Whether a share of its total goes back to what a client chose.
    pub(crate) fn total_is_clients(&self) -> bool {
        self.total_is_clients
    }

    /// What is left of the call's time; `None` where it has no end.
    pub(crate) fn left(&self) -> Option<Duration> {
        if !self.has_deadline() {
            return None;
        }
        self.deadline().left(self.runtime.clock().now())
    }

    /// Tells the call around this one that its own retries are used up.
    pub(crate) fn note_retries_used(&self) {
        if let Some(parent) = &self.parent {
            parent.notes.add(Note::InnerRetriesUsed);
        }
    }

    /// Whether a call inside this attempt used up its own retries; asking forgets it, for the next attempt.
    #[inline]
    pub(crate) fn take_inner_retries_used(&self) -> bool {
        self.notes.take(Note::InnerRetriesUsed)
    }

    /// Marks the answer of this call, and of all around it, as degraded.
    pub(crate) fn note_degraded(&self) {
        let mut call = Some(self);
        while let Some(this) = call {
            this.notes.add(Note::Degraded);
            call = this.parent.as_deref();
        }
    }

    /// Tells the call around this one that a part of it failed.
    pub(crate) fn note_part_failed(&self) {
        if let Some(parent) = &self.parent {
            parent.notes.add(Note::PartFailed);
        }
    }

    /// Whether an annotated callee failed inside this call.
    pub(crate) fn has_failed_parts(&self) -> bool {
        self.notes.has(Note::PartFailed)
    }

    /// Notes a refusal in spite of which the handler runs.
    pub(crate) fn note_down(&self, rejection: Rejection) {
        lock(&self.down).push(rejection);
    }

    /// What is down by now stays so for all attempts, and what is held by now is held for all of them.
    pub(crate) fn keep_throughout(&self) {
        self.down_throughout.store(lock(&self.down).len(), Ordering::Relaxed);
        self.holds.keep_throughout();
    }

    /// Forgets what was down for one attempt, for the next one.
    pub(crate) fn forget_down(&self) {
        lock(&self.down).truncate(self.down_throughout.load(Ordering::Relaxed));
    }

    /// The refusal of a shedder in spite of which it runs.
    pub(crate) fn shed_in_spite(&self) -> Option<Rejection> {
        lock(&self.down).iter().find(|rejection| rejection.kind() == RejectionKind::Shed).cloned()
    }

    /// What this call has to do without.
    pub(crate) fn degradation(&self) -> Degradation {
        let down = lock(&self.down).clone();
        let optional_off = down
            .iter()
            .any(|rejection| matches!(rejection.kind(), RejectionKind::Full | RejectionKind::Shed));
        Degradation::new(down, optional_off)
    }

    pub(crate) fn is_anything_down(&self) -> bool {
        !lock(&self.down).is_empty()
    }

    #[inline]
    pub(crate) fn is_degraded(&self) -> bool {
        self.notes.has(Note::Degraded)
    }
}

/// Lets the call around, if there is one, remember a refusal that was produced inside it.
pub(crate) fn note_refusal(rejection: &Rejection) {
    if let Some(call) = Call::current() {
        call.trail().note_refusal(rejection);
    }
}
