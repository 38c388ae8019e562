use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use steadfast_actors::clock::Time;
use steadfast_actors::event::{Event, Happening};
use steadfast_actors::rejection::{Rejection, RejectionKind};

use crate::deadline::Deadline;
use crate::degradation::Degradation;
use crate::runtime::Runtime;

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// Refusals that one call tree remembers: enough to know them again when a handler passes them on as text.
const MOST_REFUSALS: usize = 16;

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
    parent: Option<Arc<Call>>,
    /// A call inside had used up its own retries, so repeating it from here would multiply them.
    inner_retries_used: AtomicBool,
    degraded: AtomicBool,
    /// An annotated callee failed, and its caller went on.
    part_failed: AtomicBool,
    /// The refusals in spite of which it runs.
    down: Mutex<Vec<Rejection>>,
    refusals: Arc<Mutex<Vec<(String, Rejection)>>>,
    /// The idempotency key under which it runs.
    pub(crate) key: Option<String>,
    /// Who called, for the record.
    pub(crate) caller: Option<String>,
}

/// What a new call takes from where it stands.
pub(crate) struct Opening {
    pub(crate) runtime: Runtime,
    pub(crate) number: u64,
    pub(crate) now: Time,
    pub(crate) total: Option<Duration>,
    pub(crate) key: Option<String>,
    pub(crate) caller: Option<String>,
}

impl Call {
    /// The call around this one, if any.
    pub(crate) fn current() -> Option<Arc<Call>> {
        CALL.try_with(Arc::clone).ok()
    }

    /// Opens a call inside the current one.
    pub(crate) fn open(opening: Opening) -> Arc<Call> {
        let parent = Call::current();
        let callers = parent.as_ref().map_or(Deadline::NEVER, |parent| parent.deadline);
        Self::under(opening, parent, callers)
    }

    /// Opens what runs in place of `call` after it failed: under the caller's deadline, no longer under the call's.
    pub(crate) fn beside(call: &Call, opening: Opening) -> Arc<Call> {
        Self::under(opening, call.parent.clone(), call.callers)
    }

    fn under(opening: Opening, parent: Option<Arc<Call>>, callers: Deadline) -> Arc<Call> {
        let Opening { runtime, number, now, total, key, caller } = opening;
        let own = total.map_or(Deadline::NEVER, |total| Deadline::after(now, total));
        let key = key.or_else(|| parent.as_ref().and_then(|parent| parent.key.clone()));
        Arc::new(Call {
            runtime,
            number,
            entered: now,
            callers,
            deadline: callers.shortened_to(own),
            total: total.or_else(|| parent.as_ref().and_then(|parent| parent.total)),
            refusals: parent.as_ref().map_or_else(Arc::default, |parent| Arc::clone(&parent.refusals)),
            parent,
            inner_retries_used: AtomicBool::new(false),
            degraded: AtomicBool::new(false),
            part_failed: AtomicBool::new(false),
            down: Mutex::default(),
            key,
            caller,
        })
    }

    /// Runs `future` inside this call.
    pub(crate) async fn around<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        CALL.scope(Arc::clone(self), future).await
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Call>> {
        self.parent.as_ref()
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
        self.down.lock().unwrap_or_else(PoisonError::into_inner).push(rejection);
    }

    /// Forgets what was down, for the next attempt.
    pub(crate) fn forget_down(&self) {
        self.down.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What this call has to do without.
    pub(crate) fn degradation(&self) -> Degradation {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner).clone();
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

    /// Remembers a refusal that this call tree produced.
    pub(crate) fn note_refusal(&self, rejection: &Rejection) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= MOST_REFUSALS {
            refusals.remove(0);
        }
        refusals.push((rejection.to_string(), rejection.clone()));
    }

    /// The refusal of this call tree that reads exactly like `text`. Text from elsewhere cannot forge one: it would
    /// have to be a refusal that this very call really met.
    pub(crate) fn refusal_that_reads(&self, text: &str) -> Option<Rejection> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().rev().find(|(written, _)| written == text).map(|(_, rejection)| rejection.clone())
    }
}

/// Lets the call around, if there is one, remember a refusal that was produced inside it.
pub(crate) fn note_refusal(rejection: &Rejection) {
    if let Some(call) = Call::current() {
        call.note_refusal(rejection);
    }
}
