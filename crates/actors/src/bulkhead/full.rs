//! Whom a pool would refuse, so that its actor can say so before it is asked.

use super::BulkheadMachine;
use super::machine::count;
use crate::clock::Time;
use crate::gate::Refused;
use crate::settings::{Grants, Mode};

/// Whom a pool would refuse that were to ask for one permit, since its line is full, and what it would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) whom: Refused,
    /// Callers in line.
    pub(super) waiting: u32,
    /// When one of them leaves at the latest: then there is room.
    pub(super) until: Time,
}

impl Full {
    const NOBODY: Full = Full { whom: Refused::Nobody, waiting: 0, until: Time::MAX };
}

impl BulkheadMachine {
    /// Whom it would refuse for as long as nothing comes back, nobody leaves its line and it gets no other orders.
    ///
    /// Callers that want more than one permit, or may take one from who holds it, are not meant.
    pub(super) fn full(&self, runtime: Grants) -> Full {
        let config = &self.config;
        let says = config.grants().unwrap_or(runtime) == Grants::On && config.mode() == Mode::Enforce;
        if !says || self.closed {
            return Full::NOBODY;
        }
        if self.line.len() > 0 { self.full_line() } else { self.full_without_line(runtime) }
    }

    /// Where there is no line, nobody is ever in it.
    fn full_without_line(&self, runtime: Grants) -> Full {
        if self.config.queue() > 0 {
            return Full::NOBODY;
        }
        let whom = match (self.gives_in_advance(runtime), self.free()) {
            (true, _) => Refused::Unfitting,
            (false, 0) => Refused::From(0),
            (false, _) => Refused::Nobody,
        };
        Full { whom, ..Full::NOBODY }
    }

    /// While the line is full, only those are let into it who displace somebody.
    fn full_line(&self) -> Full {
        // What came back goes to the line first.
        if self.line.len() < self.config.queue() as usize || self.is_to_fill {
            return Full::NOBODY;
        }
        let highest = u8::try_from(self.line.lowest_displaceable()).unwrap_or(u8::MAX);
        Full {
            whom: Refused::From(highest),
            waiting: count(self.line.len()),
            until: self.line.next_end().unwrap_or(Time::MAX),
        }
    }
}
