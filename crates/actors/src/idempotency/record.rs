use std::sync::Arc;

use super::config::Terms;
use super::key::Fingerprint;
use crate::clock::{Time, WallTime};
use crate::machine::Ticket;

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Somebody runs, or ran when an earlier process ended.
    InFlight { lease_end: Time },
    /// It is done; `None` where the result was not kept.
    Done { result: Option<Arc<[u8]>>, until: WallTime },
    /// Nobody knows whether it took effect.
    Unknown { until: WallTime },
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) fingerprint: Fingerprint,
    pub(super) terms: Terms,
    /// Who runs; an unknown record keeps the owner that let its lease lapse, since it may still report. `None` after
    /// a cut, when done, and where the owner belonged to an earlier process.
    pub(super) owner: Option<Ticket>,
    pub(super) state: State,
    /// Whether somebody asked for its result again: most are never asked for, and need not be published.
    pub(super) is_sought: bool,
}

impl Record {
    pub(super) fn running(owner: Ticket, fingerprint: Fingerprint, terms: Terms, lease_end: Time) -> Self {
        Record {
            fingerprint,
            terms,
            owner: Some(owner),
            state: State::InFlight { lease_end },
            is_sought: false,
        }
    }

    /// When its life is over; a record in flight has no end of its own.
    pub(super) fn until(&self) -> Option<WallTime> {
        match self.state {
            State::InFlight { .. } => None,
            State::Done { until, .. } | State::Unknown { until } => Some(until),
        }
    }

    pub(super) fn lease_end(&self) -> Option<Time> {
        match self.state {
            State::InFlight { lease_end } => Some(lease_end),
            State::Done { .. } | State::Unknown { .. } => None,
        }
    }

    /// Whether its life is not over.
    pub(super) fn is_live(&self, wall: WallTime) -> bool {
        self.until().is_none_or(|until| wall < until)
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.state, State::Unknown { .. })
    }
}
