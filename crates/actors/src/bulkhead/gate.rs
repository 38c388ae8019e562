//! What a pool grants in advance: permits that are taken and given back without a message.
//!
//! ```text
//!   free, and nobody waits --> TAKEN here --> dropped: given back here; where somebody waits, the actor is poked
//!   else                   --> asked for: queued or refused by the actor, which hands out what comes back
//! ```
//!
//! Pools of kind `semaphore` that enforce a fixed limit grant so, for any class and weight: while nobody waits, the machine
//! would let everybody in for whom there is room. All others, the lane of reduced runs, and callers whose deadline is
//! over, ask. Why it neither grants too much nor forgets a waiter, and what a crash leaves, is said at [`Permits`].

#![cfg_attr(not(feature = "host"), allow(dead_code, reason = "without actors nobody takes what they grant"))]

use super::{BulkheadConfig, BulkheadInput, BulkheadMachine, BulkheadStatus};
use crate::clock::Time;
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Cause, Gate, Noted, Permits};
use crate::settings::Grants;

/// The gate of one pool.
#[derive(Debug)]
pub struct BulkheadGate {
    permits: Permits,
    /// What holds where neither site nor file says anything.
    runtime: Grants,
    /// One while permits are handed out here: then none is, that the actor does not see here.
    serves: AtomicU64,
    /// One where permits came back that somebody waits for, until the actor hears of it.
    returned: AtomicU64,
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
    /// Takes `weight` permits, if so many are free and nobody waits; else the caller is to ask the actor, and lets go of
    /// what it gets when it was answered.
    #[inline]
    pub(super) fn take(&self, weight: u64) -> Result<(), Asking<'_>> {
        if self.permits.take_or_ask(weight) { Ok(()) } else { Err(Asking(&self.permits)) }
    }

    /// The same for who does not go on to ask the actor at once.
    #[inline]
    #[must_use = "what is not given back is out for ever"]
    pub(super) fn try_take(&self, weight: u64) -> bool {
        self.permits.try_take(weight)
    }

    /// The same while the actor cannot decide, and has dismissed its line.
    pub(super) fn take_unasked(&self, weight: u64) -> bool {
        self.permits.take_unasked(weight)
    }

    /// Gives `weight` permits back. Whoever gets `true` pokes the actor: somebody waits for them.
    #[inline]
    #[must_use = "whoever waits would wait for ever"]
    pub(super) fn give_back(&self, weight: u64) -> bool {
        let is_waited_for = self.permits.give_back(weight);
        if is_waited_for {
            self.returned.store(1, Ordering::Release);
        }
        is_waited_for
    }

    /// Whether permits are handed out here.
    pub(super) fn serves(&self) -> bool {
        self.serves.load(Ordering::Acquire) == 1
    }

    /// A status with what was taken and given back here since it was published.
    pub(super) fn refreshed(&self, status: BulkheadStatus) -> BulkheadStatus {
        let in_advance = self.permits.taken();
        let in_use = status.in_use.saturating_sub(status.in_advance).saturating_add(in_advance);
        BulkheadStatus { in_use, in_advance, ..status }
    }
}

impl Gate<BulkheadMachine> for BulkheadGate {
    fn new(_: &BulkheadConfig, runtime: Grants) -> Self {
        let (serves, returned) = (AtomicU64::new(0), AtomicU64::new(0));
        BulkheadGate { permits: Permits::new(), runtime, serves, returned }
    }

    fn recall(
        &self,
        machine: &mut BulkheadMachine,
        _: Cause<'_, BulkheadInput>,
        _: Time,
        _: &dyn Fn() -> Time,
    ) {
        machine.learn(self.permits.reclaim());
    }

    fn publish(&self, machine: &mut BulkheadMachine, _: Time) {
        let serves = machine.gives_in_advance(self.runtime);
        let (granted, ask) = if serves { machine.grants() } else { (0, true) };
        self.permits.publish(granted, ask);
        self.serves.store(u64::from(serves), Ordering::Release);
    }

    fn withdraw(&self) {
        // What was granted stays granted: where the pool is declared to allow calls, it is what may be handed out.
        self.permits.send_to_actor();
    }

    fn take(&self, noted: &mut Vec<Noted<BulkheadInput>>) {
        if self.returned.load(Ordering::Acquire) == 1 && self.returned.swap(0, Ordering::AcqRel) == 1 {
            noted.push(Noted::now(BulkheadInput::Returned));
        }
    }
}
