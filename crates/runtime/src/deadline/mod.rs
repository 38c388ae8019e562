//! Deadlines: how long a call may take, and how that is told to another process.
//!
//! A deadline is a point in time, so that what it bounds can be nested and waited for in any order. It only ever
//! shrinks on its way inward: a child's is the smaller of its parent's and its own.
//!
//! | rule | value | why |
//! |---|---|---|
//! | least time left from the wire | 10 ms | a call with less cannot be answered in time; running it only adds load |
//! | zero on the wire | already over | a duration of zero means "off" nowhere |
//! | garbage on the wire | refused with 400 | a partial number would be a deadline that nobody meant |

mod current;
#[cfg(test)]
mod spawn_tests;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use steadfast_actors::clock::Time;
pub(crate) use steadfast_actors::clock::timer;

pub use wire::{
    InvalidDeadline, LEAST_LEFT, format_deadline_ms, format_grpc_timeout, parse_deadline_ms,
    parse_grpc_timeout,
};

/// The point in time at which a call's answer is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Time);

impl Deadline {
    /// No end.
    pub const NEVER: Deadline = Deadline(Time::MAX);

    /// The deadline of the annotated call that this code runs in, for clients that pass it on; no end outside of one.
    #[must_use]
    pub fn current() -> Self {
        crate::pipeline::Call::current().map_or(Deadline::NEVER, |call| call.deadline())
    }

    /// The deadline at `time`.
    #[must_use]
    pub const fn at(time: Time) -> Self {
        Deadline(time)
    }

    /// The deadline `duration` from `now`; a duration too long to be represented is no end.
    #[must_use]
    pub fn after(now: Time, duration: Duration) -> Self {
        Deadline(now.after(duration))
    }

    /// The deadline of a caller that says how much time it has left; less than [`LEAST_LEFT`] is already over.
    #[must_use]
    pub fn from_wire(now: Time, left: Duration) -> Self {
        if left < LEAST_LEFT { Deadline(now) } else { Self::after(now, left) }
    }

    /// This deadline, or `other` where that is earlier.
    #[must_use]
    pub fn shortened_to(self, other: Deadline) -> Self {
        self.min(other)
    }

    /// When.
    #[must_use]
    pub const fn time(self) -> Time {
        self.0
    }

    /// Whether it is over at `now`.
    #[must_use]
    pub fn is_over(self, now: Time) -> bool {
        now >= self.0
    }

    /// What is left at `now`; zero where it is over, `None` where there is no end.
    #[must_use]
    pub fn left(self, now: Time) -> Option<Duration> {
        (self != Self::NEVER).then(|| now.until(self.0))
    }
}
