//! What a pool grants in advance: permits that are taken and given back without a message.
//!
//! ```text
//!   free, and nobody waits     --> TAKEN here --> dropped: given back here; where somebody waits, the actor is poked
//!   none, and the line is full --> REFUSED here
//!   else                       --> asked for: queued or refused by the actor, which hands out what comes back
//! ```
//!
//! Pools of kind `semaphore` that enforce a fixed limit grant so, for any class and weight: while nobody waits, the machine
//! would let everybody in for whom there is room. All others, the lane of reduced runs, and callers whose deadline is
//! over, ask. Why it neither grants too much nor forgets a waiter, and what a crash leaves, is said at [`Permits`].
//!
//! Pools of every kind that enforce their limit also say whom they would refuse, so that a flood does not reach their
//! mailboxes: who wants one permit, may not take it from who holds it, and would find neither a permit nor a place in line.
//! Its refusal is the one that it would get by asking. Of who has to wait, at most as many ask as there are places.

#![cfg_attr(not(feature = "host"), allow(dead_code, reason = "without actors nobody takes what they grant"))]

use std::time::Duration;

use super::full::Full;
use super::lasting::{Lasting, Owned};
use super::{BulkheadConfig, BulkheadInput, BulkheadMachine, BulkheadStatus, Priority, Refusal};
use crate::clock::Time;
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Cause, Gate, Noted, Permits, Take};
use crate::rejection::FullReason;
use crate::settings::Grants;

/// The gate of one pool.
#[derive(Debug)]
pub struct BulkheadGate {
    lasting: Owned,
    /// What holds where neither site nor file says anything.
    runtime: Grants,
    /// One while permits are handed out here: then none is, that the actor does not see here.
    serves: AtomicU64,
    said: Said,
}

/// What those are told who are refused.
#[derive(Debug)]
struct Said {
    /// How many wait.
    waiting: AtomicU64,
    /// When one of them leaves.
    until: AtomicU64,
}

/// What a caller comes to.
#[derive(Debug)]
pub(super) enum Taking<'a> {
    /// It has its permits.
    Taken,
    /// The actor would say so.
    Refused(Refusal),
    /// It asks the actor, and lets go of this when it was answered.
    Asks(Asking<'a>),
}

/// A caller on its way to the actor: nobody overtakes it.
#[derive(Debug)]
pub(super) struct Asking<'a>(&'a Permits);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.answered();
    }
}

impl BulkheadGate {
    /// What permits of it are given back to.
    #[inline]
    pub(super) fn lasting(&self) -> &'static Lasting {
        self.lasting.get()
    }

    #[inline]
    fn permits(&self) -> &'static Permits {
        &self.lasting.get().permits
    }

    /// Takes `weight` permits, if so many are free and nobody waits; else the caller is to ask the actor, or is refused
    /// where it has a `class` that may be refused without that. `left` says how long it is until some time.
    pub(super) fn take(
        &self,
        weight: u64,
        class: Option<Priority>,
        left: impl Fn(Time) -> Duration,
    ) -> Taking<'_> {
        let known = class.filter(|_| weight == 1).map(Priority::level);
        match self.permits().take_or_ask(weight, known) {
            Take::Taken => Taking::Taken,
            Take::Asks => Taking::Asks(Asking(self.permits())),
            Take::Refused => match class.and_then(|class| self.refusal(class, &left)) {
                Some(refusal) => Taking::Refused(refusal),
                None => self.take(weight, None, left),
            },
        }
    }

    /// What the actor would say to a caller of this class that wants one permit, where it would refuse it.
    #[inline]
    pub(super) fn refusal(&self, class: Priority, left: impl Fn(Time) -> Duration) -> Option<Refusal> {
        let refuses = || self.permits().refuses(class.level());
        if !refuses() {
            return None;
        }
        let waiting = u32::try_from(self.said.waiting.load(Ordering::Acquire)).unwrap_or(u32::MAX);
        let until = Time::from_nanos(self.said.until.load(Ordering::Acquire));
        let retry_after = (waiting > 0).then(|| left(until));
        // Looked at again: what was said belongs to a refusal that still stands, or to an earlier one. Whoever's time in
        // line is over leaves it, but the actor may not have come to that yet.
        if !refuses() || retry_after.is_some_and(|rest| rest.is_zero()) {
            return None;
        }
        Some(Refusal { reason: FullReason::QueueFull, waiting, waited: Duration::ZERO, retry_after })
    }

    /// The same for who does not go on to ask the actor at once.
    #[inline]
    #[must_use = "what is not given back is out for ever"]
    pub(super) fn try_take(&self, weight: u64) -> bool {
        self.permits().try_take(weight)
    }

    /// The same while the actor cannot decide, and has dismissed its line.
    pub(super) fn take_unasked(&self, weight: u64) -> bool {
        self.permits().take_unasked(weight)
    }

    /// Before whoever is refused can be told so.
    fn say(&self, full: &Full) {
        self.said.waiting.store(u64::from(full.waiting), Ordering::Release);
        self.said.until.store(full.until.as_nanos(), Ordering::Release);
    }

    /// Whether permits are handed out here.
    pub(super) fn serves(&self) -> bool {
        self.serves.load(Ordering::Acquire) == 1
    }

    /// A status with what was taken and given back here since it was published.
    pub(super) fn refreshed(&self, status: BulkheadStatus) -> BulkheadStatus {
        let in_advance = self.permits().taken();
        let in_use = status.in_use.saturating_sub(status.in_advance).saturating_add(in_advance);
        BulkheadStatus { in_use, in_advance, ..status }
    }
}

impl Gate<BulkheadMachine> for BulkheadGate {
    fn new(_: &BulkheadConfig, runtime: Grants) -> Self {
        let [serves, waiting, until] = [(); 3].map(|()| AtomicU64::new(0));
        let said = Said { waiting, until };
        BulkheadGate { lasting: Owned::new(), runtime, serves, said }
    }

    fn recall(
        &self,
        machine: &mut BulkheadMachine,
        _: Cause<'_, BulkheadInput>,
        _: Time,
        _: &dyn Fn() -> Time,
    ) {
        machine.learn(self.permits().reclaim());
    }

    fn publish(&self, machine: &mut BulkheadMachine, _: Time) {
        let serves = machine.gives_in_advance(self.runtime);
        let (granted, ask) = if serves { machine.grants() } else { (0, true) };
        let full = machine.full(self.runtime);
        self.say(&full);
        self.permits().publish(granted, ask, full.whom, machine.in_advance);
        self.serves.store(u64::from(serves), Ordering::Release);
    }

    fn settled(&self, machine: &BulkheadMachine) {
        self.permits().refuse(machine.full(self.runtime).whom, machine.in_advance);
    }

    fn unsettle(&self) {
        self.permits().refuse_nobody();
    }

    fn withdraw(&self) {
        // What was granted stays granted: where the pool is declared to allow calls, it is what may be handed out.
        self.permits().send_to_actor();
    }

    fn take(&self, noted: &mut Vec<Noted<BulkheadInput>>) {
        if self.lasting.get().take_returned() {
            noted.push(Noted::now(BulkheadInput::Returned));
        }
    }
}
