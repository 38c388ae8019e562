use std::time::Duration;

use steadfast_actors::breaker::{BreakerHandle, BreakerPermit};
use steadfast_actors::outcome::Outcome;
use steadfast_actors::rejection::Rejection;

use super::call::Call;

/// A layer that lets an attempt pass, and hears how it ended.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    Breaker(BreakerHandle),
}

/// A pass through a gate. Dropped without a word it counts as cancelled.
#[derive(Debug)]
pub(crate) enum Pass {
    Breaker(BreakerPermit),
}

impl Gate {
    /// Asks to pass. `patience` is how long the attempt may take.
    pub(crate) async fn admit(&self, _call: &Call, patience: Option<Duration>) -> Result<Pass, Rejection> {
        match self {
            Gate::Breaker(breaker) => breaker.admit(patience).await.map(Pass::Breaker),
        }
    }
}

impl Pass {
    /// Reports how the attempt ended.
    pub(crate) async fn settle(self, outcome: Outcome) {
        match self {
            Pass::Breaker(permit) => permit.report(outcome).await,
        }
    }

    /// The same where nothing can be waited for.
    pub(crate) fn note(self, outcome: Outcome) {
        match self {
            Pass::Breaker(permit) => permit.note(outcome),
        }
    }
}
