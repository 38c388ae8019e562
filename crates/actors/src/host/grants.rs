//! When a machine's grants are in its gate.

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use super::hosted::{Cell, Hosted, lock};
use crate::clock::Time;
use crate::gate::{Cause, Gate};
use crate::machine::Machine;

impl<M: Machine> Hosted<M> {
    /// Publishes what the machine grants now, unless its actor cannot decide.
    pub(super) fn grant(&self, cell: &mut MutexGuard<'_, Cell<M>>, now: Time) {
        let is_withdrawn = self.withdrawn.load(Ordering::Acquire);
        if !is_withdrawn {
            self.gate.publish(&mut cell.machine, now);
        }
        // Each change of a machine comes by here, and this is the last.
        self.deadline.set(cell.machine.deadline());
        if !is_withdrawn {
            let ledger = lock(&self.ledger);
            // Written since the actor last looked: it is as unread as it was before this step.
            if !ledger.is_empty() {
                self.gate.unsettle();
                // Whoever left it there may have looked before this was published.
                if self.gate.is_awaited() {
                    self.look_soon();
                }
            } else if self.behind.load(Ordering::Relaxed) == 0 {
                self.gate.settled(&cell.machine);
            }
        }
    }

    /// Now, as a machine sees it: never before anything that it knows, nor before anything that was done on its word.
    pub(super) fn present(&self, cell: &mut Cell<M>) -> Time {
        self.no_later_than(cell, Time::MAX)
    }

    /// The same, of what happened at the latest at `until`.
    pub(super) fn no_later_than(&self, cell: &mut Cell<M>, until: Time) -> Time {
        let mut now = self.ground.clock.now();
        if self.gate.end(now) {
            now = self.ground.clock.now();
        }
        cell.latest = cell.latest.max(now.min(until));
        cell.latest
    }

    /// Takes back what the machine must know or have before it decides.
    pub(super) fn recall(&self, machine: &mut M, cause: Cause<'_, M::Input>, now: Time) {
        self.gate.recall(machine, cause, now, &|| self.ground.clock.now());
    }

    /// Callers are to ask, and to hear that nobody decides. Called under the cell's lock, as what publishes is.
    pub(super) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
        self.gate.withdraw();
    }

    /// Its actor decides again. What was noted meanwhile is taken first: it may need what would else be granted.
    pub(super) fn grant_again(&self) {
        if self.withdrawn.load(Ordering::Acquire) {
            self.settle();
            // Under the lock: nobody may withdraw in between.
            let mut cell = lock(&self.cell);
            self.withdrawn.store(false, Ordering::Release);
            let now = self.present(&mut cell);
            self.recall(&mut cell.machine, Cause::Deadline, now);
            self.grant(&mut cell, now);
        }
    }

    /// Brings what it publishes of itself up to what callers did through its gate.
    pub(super) fn look_again(&self) {
        let mut cell = lock(&self.cell);
        let now = self.present(&mut cell);
        self.recall(&mut cell.machine, Cause::Deadline, now);
        cell.status = cell.machine.status(now);
        self.grant(&mut cell, now);
    }
}
