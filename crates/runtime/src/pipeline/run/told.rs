use std::sync::Arc;

use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::declare::AuditOnFull;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::{Rejection, UnavailableReason};

use crate::observe::{AuditEntry, outcome};
use crate::pipeline::call::Call;
use crate::pipeline::plan::Plan;

/// The outermost layers: they hear of every call how it ended, and of a dropped one that it was cancelled.
pub(super) struct Told<'c> {
    plan: &'c Plan,
    call: &'c Arc<Call>,
    /// The trail has room for it, whatever comes meanwhile.
    promised: bool,
    done: bool,
}

impl<'c> Told<'c> {
    /// Begins, where anybody wants to hear; refused where nothing may happen that is not on record.
    pub(super) fn begin(plan: &'c Plan, call: &'c Arc<Call>) -> Result<Option<Self>, Rejection> {
        if plan.metrics.is_none() && plan.audit.is_none() {
            return Ok(None);
        }
        // What they hear is how long it took, so this is when it began.
        let _ = call.entered();
        let must_write = plan.audit.is_some_and(|audit| audit.on_full == AuditOnFull::Reject);
        if must_write
            && let Some(audit) = call.runtime.audit()
            && let Err(failure) = audit.promise()
        {
            tracing::debug!(site = plan.site, %failure, "refused");
            let reason = UnavailableReason::NotOnRecord;
            return Err(Rejection::unavailable(Kind::Throttle, plan.site.as_str(), reason, None));
        }
        let promised = must_write && call.runtime.audit().is_some();
        Ok(Some(Told { plan, call, promised, done: false }))
    }

    pub(super) fn settle(mut self, ending: Ending, degraded: bool) {
        self.tell(ending, degraded);
    }

    fn tell(&mut self, ending: Ending, degraded: bool) {
        self.done = true;
        let clock = self.call.runtime.clock();
        let latency = clock.now().since(self.call.entered());
        if let Some(metered) = &self.plan.metrics {
            metered.record(ending, degraded, latency);
        }
        if self.plan.audit.is_some() {
            let entry = AuditEntry {
                at_unix_ns: clock.wall().as_nanos(),
                site: self.plan.site.clone(),
                caller: self.call.caller().map(str::to_owned),
                outcome: outcome(ending).to_owned(),
                latency_ns: saturating_nanos(latency),
                degraded,
                count: 1,
            };
            match self.call.runtime.audit() {
                Some(audit) => {
                    let refused = matches!(ending, Ending::Rejected(_));
                    if self.promised { audit.keep(entry, refused) } else { audit.record(entry, refused) }
                }
                None => tracing::info!(
                    target: "steadfast::audit",
                    site = entry.site,
                    caller = entry.caller,
                    outcome = entry.outcome,
                    latency_ns = entry.latency_ns,
                    degraded,
                ),
            }
        }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.done {
            let ending = if std::thread::panicking() { Ending::Panicked } else { Ending::Cancelled };
            self.tell(ending, self.call.is_degraded());
        }
    }
}
