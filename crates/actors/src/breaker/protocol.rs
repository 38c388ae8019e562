use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window::Counts;
use crate::clock::Time;
use crate::machine::Ticket;
use crate::outcome::Outcome;

/// What can happen to a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerInput {
    /// A caller wants to pass.
    Admit {
        /// How long a probe may keep its slot: the attempt's timeout, else what is left of the caller's deadline.
        patience: Option<Duration>,
    },
    /// A caller that passed says how its attempt ended.
    Report {
        /// The number under which it was admitted.
        ticket: Ticket,
        /// The epoch in which it was admitted.
        epoch: u64,
        /// How it ended.
        outcome: Outcome,
    },
    /// So many calls succeeded that were admitted in advance, none of them slow.
    Counted {
        /// The lower half of the epoch in which they were admitted.
        epoch: u32,
        /// How many.
        successes: u64,
    },
    /// A caller left before it saw an answer: whatever it was granted is free again.
    GiveBack {
        /// The number under which it asked.
        ticket: Ticket,
    },
    /// An operator's order.
    Force(Force),
}

/// What an operator can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Refuse everything until further orders.
    Open,
    /// Let everything pass until further orders.
    Closed,
    /// Back to work: closed, with an empty window.
    Reset,
}

/// A breaker's answer to [`BreakerInput::Admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerReply {
    /// Pass, and report under this epoch.
    Admitted {
        /// The epoch of the admission.
        epoch: u64,
        /// Whether this call decides over closing.
        probe: bool,
    },
    /// Refused.
    Refused {
        /// In which state.
        state: BreakerState,
        /// When the next call can pass; `None` while forced open, and in slow start, where any answer frees a place.
        retry_after: Option<Duration>,
    },
}

/// The states that operators see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few probes pass.
    HalfOpen,
    /// An operator refuses calls.
    ForcedOpen,
    /// An operator lets calls pass.
    ForcedClosed,
}

impl BreakerState {
    /// The state's name in logs, metrics and refusals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
            BreakerState::ForcedOpen => "forced_open",
            BreakerState::ForcedClosed => "forced_closed",
        }
    }
}

/// What a breaker publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    /// Its state.
    pub state: BreakerState,
    /// Its epoch: grows with each transition.
    pub epoch: u64,
    /// What stands in its window.
    pub counts: Counts,
    /// When an open breaker lets the first probe pass.
    pub until: Option<Time>,
}
