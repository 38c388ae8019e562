use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use steadfast_actors::adaptive::brownout::BrownoutHandle;
use steadfast_actors::bulkhead::{PoolKind, SharedPermit};
use steadfast_actors::clock::Time;
use steadfast_actors::event::{Event, Happening};
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::{Rejection, RejectionKind};
use steadfast_actors::shed::ShedPass;

use super::hold::Holds;
use super::trail::Trail;
use crate::deadline::Deadline;
use crate::degradation::Degradation;
use crate::lock::lock;
use crate::runtime::Runtime;

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// One call of an annotated site while it runs. A call made inside it is its child.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) runtime: Runtime,
    pub(crate) number: u64,
    pub(crate) entered: Time,
    /// The parent's or the wire's deadline; the fallback runs under it.
    pub(crate) callers: Deadline,
    /// The smaller of the caller's and this call's own.
    pub(crate) deadline: Deadline,
    /// The time that children take their share of.
    pub(crate) total: Option<Duration>,
    /// The total that was declared for this very call, or its share of a declared one: no client chose it.
    pub(crate) declared: Option<Duration>,
    /// Whether `total` goes back to what a client chose.
    total_is_clients: bool,
    parent: Option<Arc<Call>>,
    /// A call inside had used up its own retries, so repeating it from here would multiply them.
    inner_retries_used: AtomicBool,
    degraded: AtomicBool,
    /// An annotated callee failed, and its caller went on.
    part_failed: AtomicBool,
    /// The refusals in spite of which it runs, those of the whole call before those of its attempt.
    down: Mutex<Vec<Rejection>>,
    /// How many of them are of the whole call.
    down_throughout: AtomicUsize,
    trail: Arc<Trail>,
    holds: Holds,
    /// While it waits for its first attempt: what hears how long it did.
    waiting: Mutex<Option<ShedPass>>,
    /// What says which optional parts it has.
    brownout: Option<BrownoutHandle>,
    /// The idempotency key under which it runs, once that is known.
    key: OnceLock<String>,
    /// Who called, for the record, once that is known.
    caller: OnceLock<String>,
    /// It stands for a request that named no deadline, so that the first call inside gets the longest one.
    awaits_deadline: bool,
}

/// What a new call takes from where it stands.
pub(crate) struct Opening {
    pub(crate) runtime: Runtime,
    pub(crate) number: u64,
    pub(crate) now: Time,
    pub(crate) total: Option<Duration>,
    /// Whether `total` goes back to what a client chose.
    pub(crate) total_is_clients: bool,
    /// What a fallback may take after the total.
    pub(crate) fallback: Duration,
    /// What says which optional parts it has.
    pub(crate) brownout: Option<BrownoutHandle>,
}

/// How long a request without a deadline of its own may take at least.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

impl Call {
    /// The call around this one, if any.
    pub(crate) fn current() -> Option<Arc<Call>> {
        CALL.try_with(Arc::clone).ok()
    }

    /// Opens a call inside the current one.
    pub(crate) fn open(opening: Opening) -> Arc<Call> {
        let parent = Call::current();
        let callers = match &parent {
            Some(parent) if parent.awaits_deadline => {
                let declared = opening.total.unwrap_or_default().saturating_add(opening.fallback);
                Deadline::after(opening.now, declared.max(LONGEST_REQUEST))
            }
            Some(parent) => parent.deadline,
            None => Deadline::NEVER,
        };
        Self::under(opening, parent, callers)
    }

    /// The root of a request that came from outside, with the time that its caller has left, if it said so.
    pub(crate) fn serving(runtime: &Runtime, wire: Option<Duration>) -> Arc<Call> {
        let now = runtime.clock().now();
        let callers = wire.map_or(Deadline::NEVER, |left| Deadline::from_wire(now, left));
        let opening = Opening {
            runtime: runtime.clone(),
            number: 0,
            now,
            total: wire,
            total_is_clients: true,
            fallback: Duration::ZERO,
            brownout: None,
        };
        Arc::new(Call { awaits_deadline: wire.is_none(), ..Self::made(opening, None, callers) })
    }

    /// Opens what runs in place of `call` after it failed: under the caller's deadline, no longer under the call's.
    pub(crate) fn beside(call: &Call, opening: Opening) -> Arc<Call> {
        Self::under(opening, call.parent.clone(), call.callers)
    }

    fn under(opening: Opening, parent: Option<Arc<Call>>, callers: Deadline) -> Arc<Call> {
        Arc::new(Self::made(opening, parent, callers))
    }

    fn made(opening: Opening, parent: Option<Arc<Call>>, callers: Deadline) -> Call {
        let Opening { runtime, number, now, total, total_is_clients, fallback: _, brownout } = opening;
        let own = total.map_or(Deadline::NEVER, |total| Deadline::after(now, total));
        Call {
            runtime,
            number,
            entered: now,
            callers,
            deadline: callers.shortened_to(own),
            total: total.or_else(|| parent.as_ref().and_then(|parent| parent.total)),
            declared: total.filter(|_| !total_is_clients),
            total_is_clients: match (&total, &parent) {
                (None, Some(parent)) => parent.total_is_clients,
                _ => total_is_clients,
            },
            trail: parent.as_ref().map_or_else(Arc::default, |parent| Arc::clone(&parent.trail)),
            parent,
            inner_retries_used: AtomicBool::new(false),
            degraded: AtomicBool::new(false),
            part_failed: AtomicBool::new(false),
            down: Mutex::default(),
            down_throughout: AtomicUsize::new(0),
            holds: Holds::default(),
            waiting: Mutex::default(),
            brownout,
            key: OnceLock::new(),
            caller: OnceLock::new(),
            awaits_deadline: false,
        }
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
        &self.trail
    }

    /// Notes who called.
    pub(crate) fn note_caller(&self, caller: String) {
        // The first to say so was the authenticator; whoever comes later knows no better.
        let _ = self.caller.set(caller);
    }

    pub(crate) fn caller(&self) -> Option<&str> {
        self.caller.get().map(String::as_str)
    }

    /// Notes the idempotency key under which it runs.
    pub(crate) fn note_key(&self, key: String) {
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
        CALL.scope(Arc::clone(self), future).await
    }

    /// The same for work that blocks a thread.
    pub(crate) fn around_blocking<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        CALL.sync_scope(self, work)
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Call>> {
        self.parent.as_ref()
    }

    /// Whether a share of its total goes back to what a client chose.
    pub(crate) fn total_is_clients(&self) -> bool {
        self.total_is_clients
    }

    /// What is left of the call's time; `None` where it has no end.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.left(self.runtime.clock().now())
    }

    /// Tells the call around this one that its own retries are used up.
    pub(crate) fn note_retries_used(&self) {
        if let Some(parent) = &self.parent {
            parent.inner_retries_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a call inside this attempt used up its own retries; asking forgets it, for the next attempt.
    pub(crate) fn take_inner_retries_used(&self) -> bool {
        self.inner_retries_used.swap(false, Ordering::Relaxed)
    }

    /// Marks the answer of this call, and of all around it, as degraded.
    pub(crate) fn note_degraded(&self) {
        let mut call = Some(self);
        while let Some(this) = call {
            this.degraded.store(true, Ordering::Relaxed);
            call = this.parent.as_deref();
        }
    }

    /// Tells the call around this one that a part of it failed.
    pub(crate) fn note_part_failed(&self) {
        if let Some(parent) = &self.parent {
            parent.part_failed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether an annotated callee failed inside this call.
    pub(crate) fn has_failed_parts(&self) -> bool {
        self.part_failed.load(Ordering::Relaxed)
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

    pub(crate) fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Relaxed)
    }

    /// Adds to the event stream, if anybody listens to it.
    pub(crate) fn happened(&self, site: &str, what: impl FnOnce() -> Happening) {
        let ground = self.runtime.ground();
        if ground.events().is_recording() {
            let at = ground.clock().now();
            ground.events().record(Event { at, kind: None, name: site.to_owned(), what: what() });
        }
    }

    /// Adds what an actor decided on this call to the event stream, if anybody listens to it: the refusal, or the words
    /// of a grant.
    pub(crate) fn decided<T>(
        &self,
        kind: Kind,
        name: &str,
        answer: Result<&T, &Rejection>,
        granted: impl FnOnce(&T) -> String,
    ) {
        self.told(kind, name, || match answer {
            Ok(grant) => ("granted", granted(grant)),
            Err(rejection) => ("refused", rejection.to_string()),
        });
    }

    /// Adds a verdict on this call and its reason to the event stream, if anybody listens to it.
    pub(crate) fn told(&self, kind: Kind, name: &str, told: impl FnOnce() -> (&'static str, String)) {
        let ground = self.runtime.ground();
        if !ground.events().is_recording() {
            return;
        }
        let (verdict, reason) = told();
        let what = Happening::Decision { call: Some(self.number), verdict: verdict.to_owned(), reason };
        let at = ground.clock().now();
        ground.events().record(Event { at, kind: Some(kind), name: name.to_owned(), what });
    }
}

/// Lets the call around, if there is one, remember a refusal that was produced inside it.
pub(crate) fn note_refusal(rejection: &Rejection) {
    if let Some(call) = Call::current() {
        call.trail.note_refusal(rejection);
    }
}
