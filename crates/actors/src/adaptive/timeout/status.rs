use std::sync::Arc;
use std::time::Duration;

use super::profile::{HOURS, hour_of};
use crate::clock::WallTime;

/// What an adaptive timeout publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveStatus {
    /// What it has learned: the limit of an attempt at an idle machine, in an hour like any other.
    pub learned: Duration,
    /// What 99.9 % of recent successes needed; `None` before there are 20.
    pub needed: Option<Duration>,
    /// Recent successes, older ones counted for less.
    pub samples: u64,
    /// Attempts that were cut by it.
    pub cuts: u64,
    /// By how many per cent it is stretched while the processors are busy.
    pub stretch: u32,
    /// How late the runtime notices an answer.
    pub lateness: Duration,
    pub(super) base: Duration,
    pub(super) max: Duration,
    pub(super) hours: Arc<[Duration; HOURS]>,
}

impl AdaptiveStatus {
    /// How long an attempt may take that begins at `wall`. A `probe` of the dependency's breaker gets the base at least.
    #[must_use]
    pub fn limit(&self, wall: WallTime, probe: bool) -> Duration {
        let mut limit = self.learned;
        if self.needed.is_some() {
            let usual = self.hours[hour_of(wall)].saturating_mul(2);
            limit = limit.max(usual);
            limit = limit.saturating_mul(100 + self.stretch) / 100;
            limit = limit.saturating_add(self.lateness);
        }
        if probe {
            limit = limit.max(self.base);
        }
        limit.min(self.max)
    }
}
