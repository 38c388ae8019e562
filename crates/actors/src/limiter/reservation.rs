use super::gate::Taken;
use super::{Decision, LimiterHandle, LimiterInput};
use crate::machine::Ticket;

/// Who keeps what a reservation holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody: there is nothing to give back.
    Nowhere,
    /// The actor, for this key.
    ByActor(Box<str>),
    /// The handle, while its actor cannot decide.
    ByHandle,
    /// Nobody: it was taken of what is leased to this key's callers.
    InAdvance(Box<str>, Taken),
}

/// A part of a quota that was taken and can still be given back: settled it is spent, dropped it is as if it had
/// never been taken. What is held longer than one window counts as spent.
#[derive(Debug)]
#[must_use = "a reservation that is dropped at once gives back what it holds"]
pub struct Reservation {
    pub(super) handle: LimiterHandle,
    pub(super) ticket: Ticket,
    pub(super) decision: Decision,
    pub(super) held: Held,
}

impl Reservation {
    /// How the quota stands with this taken.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The limiter that it comes from.
    #[must_use]
    pub fn limiter(&self) -> &LimiterHandle {
        &self.handle
    }

    /// Spends what it holds.
    pub fn settle(mut self) {
        self.end(LimiterInput::Settle(self.ticket));
    }

    fn end(&mut self, input: LimiterInput) {
        match std::mem::replace(&mut self.held, Held::Nowhere) {
            Held::Nowhere => {}
            Held::ByActor(key) => {
                if matches!(input, LimiterInput::GiveBack(_)) {
                    // What it refuses in advance may no longer be true.
                    self.handle.hosted().gate().ask(&key);
                }
                self.handle.hosted().note(input);
            }
            Held::ByHandle => self.handle.end_locally(&input),
            Held::InAdvance(key, taken) => {
                if matches!(input, LimiterInput::GiveBack(_)) {
                    self.handle.put_back(&key, taken);
                }
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(LimiterInput::GiveBack(self.ticket));
    }
}
