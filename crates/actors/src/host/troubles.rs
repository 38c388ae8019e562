//! What becomes of an actor that crashes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::hosted::{Cell, Hosted, lock};
use super::reply::AskError;
use crate::clock::Time;
use crate::event::Happening;
use crate::machine::Machine;
use crate::supervise::{Intensity, Quarantine, RestartLimit, Verdict};

/// What is known of an actor that crashed, or of which a key was quarantined.
pub(super) struct Troubles {
    intensity: Intensity,
    pub(super) quarantine: Quarantine,
    /// The key, masked, whose message the present crash comes from.
    pub(super) poison: Option<String>,
}

impl<M: Machine> Cell<M> {
    /// Its troubles, from when it first has any.
    pub(super) fn troubles(&mut self, limit: RestartLimit) -> &mut Troubles {
        let none =
            || Troubles { intensity: Intensity::new(limit), quarantine: Quarantine::default(), poison: None };
        self.troubles.get_or_insert_with(|| Box::new(none()))
    }

    pub(super) fn restarts(&self) -> u64 {
        self.troubles.as_ref().map_or(0, |troubles| troubles.intensity.restarts())
    }
}

impl<M: Machine> Hosted<M> {
    /// How much longer it is left alone; `None` where it is not.
    pub(crate) fn failed_for(&self) -> Option<Duration> {
        let until = Time::from_nanos(self.failed_until.load(Ordering::Acquire));
        if until == Time::ZERO {
            return None;
        }
        Some(self.now().until(until)).filter(|rest| !rest.is_zero())
    }

    pub(super) fn resume_at(&self) -> Option<tokio::time::Instant> {
        self.resume_at.get().map(|resume| self.ground.clock.instant(resume))
    }

    pub(super) fn resumed(&self) {
        let restarts = {
            let cell = lock(&self.cell);
            self.resume_at.set(None);
            cell.restarts()
        };
        self.grant_again();
        self.failed_until.store(0, Ordering::Release);
        self.happened(Happening::Restart { restarts });
    }

    pub(super) fn crashed(&self, reason: String) {
        let now = self.ground.clock.now();
        let quarantined = lock(&self.cell).troubles.as_mut().and_then(|troubles| troubles.poison.take());
        self.happened(Happening::Crash { reason, quarantined });
        let mut cell = lock(&self.cell);
        match cell.troubles(self.ground.options.restarts).intensity.crashed(now) {
            Verdict::Restart(when) => self.resume_at.set(Some(when)),
            Verdict::Fail(until) => {
                self.resume_at.set(Some(until));
                self.failed_until.store(until.as_nanos(), Ordering::Release);
                self.withdraw();
                cell.waiting.dismiss(AskError::Failed(now.until(until)));
                drop(cell);
                self.happened(Happening::Escalation { retry_at: until });
            }
        }
    }
}
