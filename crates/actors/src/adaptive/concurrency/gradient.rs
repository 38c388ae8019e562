use super::idle::{Idle, Step};
use super::window::Seen;
use crate::clock::Time;

/// To the limit times the ratio of idle to present latency, plus headroom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gradient {
    idle: Idle,
}

impl Gradient {
    pub(super) fn new(now: Time) -> Self {
        Gradient { idle: Idle::new(now) }
    }

    pub(super) fn next(&mut self, now: Time, seen: Seen, limit: u64) -> u64 {
        let Some(latency) = seen.latency else { return limit };
        let (idle, limit) = match self.idle.look(now, seen, latency, limit) {
            Step::Look(limit) => return limit,
            Step::Known { idle: _, limit: from } if from != limit => return from,
            Step::Known { idle, limit } => (idle, limit),
        };
        let tolerated = idle.saturating_add(idle / TOLERANCE);
        if latency <= tolerated {
            let more = if seen.presses(limit) { (limit / 20).max(1) } else { 0 };
            return limit + more;
        }
        // Calls at once times idle over present latency are as many as the dependency works at.
        let served = u128::from(limit) * u128::from(tolerated) / u128::from(latency.max(1));
        // Rounded up: one more than it works at is what shows whether there is room.
        let target = u64::try_from(served).map_or(limit, |served| served + 1).min(limit);
        // Half of the way down, so that a window of bad luck costs half of what it seems to say.
        target.midpoint(limit)
    }
}

/// A latency that is above the idle one by a 25th or less is not: means of so few calls differ by that.
const TOLERANCE: u64 = 25;
