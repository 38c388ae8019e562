//! Keys whose messages crash the actor.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::hosted::{Cell, Hosted, lock};
use crate::clock::Time;
use crate::machine::Machine;
use crate::supervise::Quarantine;

/// A key as logs may show it: outsiders choose keys, and an API key is a secret.
fn masked(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..16].to_owned()
}

impl<M: Machine> Hosted<M> {
    /// How much longer `key` is not taken because it crashed the actor; `None` where it is.
    #[must_use]
    pub fn quarantined(&self, key: &str) -> Option<Duration> {
        if !self.has_quarantined() {
            return None;
        }
        let until = Time::from_nanos(self.quarantined_until.load(Ordering::Acquire));
        let now = self.now();
        let rest = || lock(&self.cell).troubles.as_ref()?.quarantine.rest(key, now);
        (now < until).then(rest).flatten()
    }

    /// The same for the key of `input`, which is put together only where any is quarantined.
    pub(super) fn quarantined_with(&self, input: &M::Input) -> Option<Duration> {
        if !self.has_quarantined() {
            return None;
        }
        M::key(input).and_then(|key| self.quarantined(&key))
    }

    /// Whether any key ever was.
    #[inline]
    pub(crate) fn has_quarantined(&self) -> bool {
        self.quarantined_until.load(Ordering::Acquire) > 0
    }

    /// Takes no message with `key` for the length of a quarantine, as if it had crashed the actor: for operators who
    /// know before the actor does.
    pub fn quarantine(&self, key: &str) {
        let now = self.now();
        self.isolate(&mut lock(&self.cell), key, now);
    }

    fn isolate(&self, cell: &mut Cell<M>, key: &str, now: Time) {
        cell.troubles(self.ground.options.restarts).quarantine.add(key, now);
        let until = now.after(Quarantine::PERIOD).as_nanos();
        self.quarantined_until.fetch_max(until, Ordering::AcqRel);
    }

    /// A message with this key made the machine panic.
    pub(super) fn poisoned_by(&self, cell: &mut Cell<M>, key: &str, now: Time) {
        self.isolate(cell, key, now);
        cell.troubles(self.ground.options.restarts).poison = Some(masked(key));
    }
}
