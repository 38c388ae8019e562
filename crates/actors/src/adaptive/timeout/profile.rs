use std::sync::Arc;
use std::time::Duration;

use crate::adaptive::sketch::Sketch;
use crate::clock::{Moment, WallTime};

/// The quantile that a limit goes by, in thousandths.
pub(super) const P999: u16 = 999;
/// A quantile of fewer samples is one of luck.
pub(super) const SAMPLES: u64 = 20;
/// Hours of a day.
pub(super) const HOURS: usize = 24;
const HOUR: u64 = 3_600 * 1_000_000_000;

/// The hour of the day, UTC.
pub(super) fn hour_of(wall: WallTime) -> usize {
    usize::try_from(wall.as_nanos() / HOUR % HOURS as u64).unwrap_or(0)
}

/// What each hour of the day usually needs; zero where it was never seen.
#[derive(Debug)]
pub(super) struct Profile {
    /// Shared with what is published.
    pub(super) hours: Arc<[Duration; HOURS]>,
    /// The hour that is being learned, in hours since 1970, and what came in it.
    hour: u64,
    seen: Sketch,
}

impl Profile {
    pub(super) fn new(moment: Moment) -> Self {
        Profile {
            hours: Arc::new([Duration::ZERO; HOURS]),
            hour: moment.wall.as_nanos() / HOUR,
            seen: Sketch::default(),
        }
    }

    pub(super) fn record(&mut self, moment: Moment, latency: Duration) {
        let hour = moment.wall.as_nanos() / HOUR;
        if hour != self.hour {
            self.close();
            self.hour = hour;
        }
        self.seen.record(moment.now, latency);
    }

    /// Adds the hour that is over to what is known of it. An hour of few calls tells nothing.
    fn close(&mut self) {
        let seen = std::mem::take(&mut self.seen);
        let Some(needed) = seen.quantile(P999).filter(|_| seen.samples() >= SAMPLES) else { return };
        let mut hours = *self.hours;
        let place = usize::try_from(self.hour % HOURS as u64).unwrap_or(0);
        let known = hours[place];
        hours[place] = if known.is_zero() { needed } else { (known + needed) / 2 };
        self.hours = Arc::new(hours);
    }
}
