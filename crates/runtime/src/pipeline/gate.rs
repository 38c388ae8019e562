use std::sync::Arc;
use std::time::Duration;

use steadfast_actors::breaker::{BreakerHandle, BreakerPermit};
use steadfast_actors::bulkhead::{BulkheadHandle, BulkheadPermit, Priority};
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::Outcome;
use steadfast_actors::rejection::Rejection;

use super::call::{Call, Hold};
use super::inputs::Inputs;
use super::limits::By;

/// A layer that lets an attempt pass, and hears how it ended.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// A breaker, and whose it is where each key has its own.
    Breaker(BreakerHandle, Option<By>),
    /// A bulkhead, or a throttle.
    Pool(BulkheadHandle, Priority),
}

/// A pass through a gate. Dropped without a word it counts as cancelled.
#[derive(Debug)]
pub(crate) struct Pass {
    granted: Granted,
    /// Ends before the grant is given back: nobody inside may still rely on it then.
    hold: Option<Hold>,
}

#[derive(Debug)]
enum Granted {
    Breaker(BreakerPermit),
    Pool {
        _permit: BulkheadPermit,
    },
    /// A call around this one holds it already; that one reports.
    Around,
}

impl Gate {
    /// Asks to pass. `patience` is how long the attempt may take, `passed` what it has passed already.
    pub(crate) async fn admit(
        &self,
        call: &Arc<Call>,
        inputs: &Inputs,
        patience: Option<Duration>,
        passed: &[Pass],
    ) -> Result<Pass, Rejection> {
        let is_held_here = |pass: &Pass| pass.hold.as_ref().is_some_and(|hold| hold.is_of(self.address()));
        if passed.iter().any(is_held_here) || call.is_held_around(self.address()) {
            return Ok(Pass { granted: Granted::Around, hold: None });
        }
        let granted = match self {
            Gate::Breaker(breaker, None) => Granted::Breaker(breaker.admit(patience).await?),
            Gate::Breaker(breaker, Some(by)) => {
                // A call inside may be of another key: it is asked for, whatever this one holds.
                let permit = breaker.of(&by.key(inputs)).admit(patience).await?;
                return Ok(Pass { granted: Granted::Breaker(permit), hold: None });
            }
            Gate::Pool(pool, priority) => {
                Granted::Pool { _permit: pool.acquire_until(*priority, call.deadline.time()).await? }
            }
        };
        Ok(self.pass(call, granted))
    }

    /// Asks for the place of a call that runs with all its optional parts off; `None` where it needs no place.
    pub(crate) async fn admit_reduced(&self, call: &Arc<Call>) -> Result<Option<Pass>, Rejection> {
        let Gate::Pool(pool, _) = self else { return Ok(None) };
        let permit = pool.acquire_optional().await?;
        Ok(Some(self.pass(call, Granted::Pool { _permit: permit })))
    }

    fn pass(&self, call: &Arc<Call>, granted: Granted) -> Pass {
        Pass { granted, hold: Some(Hold::new(call, self.address())) }
    }

    /// The kind and name of its actor.
    pub(crate) fn actor(&self) -> (Kind, &str) {
        match self {
            Gate::Breaker(breaker, _) => (Kind::Breaker, breaker.name()),
            Gate::Pool(pool, _) => (pool.hosted().kind(), pool.name()),
        }
    }

    /// What tells its actor from all others.
    fn address(&self) -> usize {
        match self {
            Gate::Breaker(breaker, _) => Arc::as_ptr(breaker.hosted()) as usize,
            Gate::Pool(pool, _) => Arc::as_ptr(pool.hosted()) as usize,
        }
    }
}

impl Pass {
    /// How long the attempt may run at most because of it: a probe that takes longer has failed.
    pub(crate) fn lease(&self) -> Option<Duration> {
        match &self.granted {
            Granted::Breaker(permit) => permit.lease(),
            Granted::Pool { .. } | Granted::Around => None,
        }
    }

    /// What sort of pass it is.
    pub(crate) fn describe(&self) -> String {
        match &self.granted {
            Granted::Breaker(permit) if permit.is_probe() => "probe".to_owned(),
            Granted::Breaker(_) => "closed".to_owned(),
            Granted::Pool { .. } => "permit".to_owned(),
            Granted::Around => "held around it already".to_owned(),
        }
    }

    /// Reports how the attempt ended.
    pub(crate) async fn settle(self, outcome: Outcome) {
        if let Granted::Breaker(permit) = self.granted {
            permit.report(outcome).await;
        }
    }

    /// The same where nothing can be waited for.
    pub(crate) fn note(self, outcome: Outcome) {
        if let Granted::Breaker(permit) = self.granted {
            permit.note(outcome);
        }
    }
}
