use super::idle::{Idle, Step};
use super::window::Seen;
use crate::clock::Time;

/// By how many calls wait, as latency tells: up by one while they are few, down by what is too many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vegas {
    idle: Idle,
}

impl Vegas {
    pub(super) fn new(now: Time) -> Self {
        Vegas { idle: Idle::new(now) }
    }

    pub(super) fn next(&mut self, now: Time, seen: Seen, limit: u64) -> u64 {
        let Some(latency) = seen.latency else { return limit };
        let (idle, limit) = match self.idle.look(now, seen, latency, limit) {
            Step::Look(limit) => return limit,
            Step::Known { idle: _, limit: from } if from != limit => return from,
            Step::Known { idle, limit } => (idle, limit),
        };
        // In thousandths of a call, so that a part of one counts.
        let busy = u128::from(limit) * 1_000 * u128::from(idle.min(latency)) / u128::from(latency.max(1));
        let waiting = limit * 1_000 - u64::try_from(busy).unwrap_or(limit * 1_000);
        let (few, many) = ((limit * 25).max(500), (limit * 80).max(1_000));
        if waiting > many {
            return limit - ((waiting - many) / 1_000).max(1).min(limit / 2);
        }
        if waiting < few && seen.presses(limit) { limit + 1 } else { limit }
    }
}
