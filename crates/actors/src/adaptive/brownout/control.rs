use std::time::Duration;

use crate::adaptive::sketch::Sketch;
use crate::clock::{Time, saturating_nanos};

/// All parts are on.
pub(super) const WHOLE: i64 = 1_000;
/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);
/// A quantile of fewer calls is one of luck.
const LEAST: u64 = 10;
/// The tail is what callers feel.
const P95: u16 = 950;
/// Of the relative error, and of its change, in thousandths.
const BY_ERROR: i64 = 200;
const BY_CHANGE: i64 = 300;
/// So many periods without a call bring everything back.
const LONG_AGO: u32 = 10;

/// The dimmer: how much of all optional parts is on.
#[derive(Clone, Debug)]
pub(super) struct Control {
    /// In thousandths.
    pub(super) dimmer: i64,
    error: i64,
    ends: Time,
    seen: Sketch,
    /// What the last period that had calls enough showed.
    pub(super) quantile: Option<Duration>,
}

impl Control {
    pub(super) fn new(now: Time) -> Self {
        let ends = now.after(PERIOD);
        Control { dimmer: WHOLE, error: 0, ends, seen: Sketch::default(), quantile: None }
    }

    pub(super) fn took(&mut self, now: Time, latency: Duration) {
        self.seen.record(now, latency);
    }

    /// Ends the periods that are over.
    pub(super) fn catch_up(&mut self, target: Duration, now: Time) {
        for _ in 0..LONG_AGO {
            if self.ends > now {
                return;
            }
            self.look(target);
            self.ends = self.ends.after(PERIOD);
        }
        *self = Control::new(now);
    }

    fn look(&mut self, target: Duration) {
        let samples = self.seen.samples();
        if samples > 0 && samples < LEAST {
            // Too few to tell; they count on into the next period.
            return;
        }
        let seen = std::mem::take(&mut self.seen);
        self.quantile = seen.quantile(P95).or(self.quantile);
        // Without a call nobody suffers.
        let error = seen.quantile(P95).map_or(WHOLE, |quantile| error(target, quantile));
        let step = error * BY_ERROR / WHOLE + (error - self.error) * BY_CHANGE / WHOLE;
        self.error = error;
        // Held at its ends, so that it never has to come back from beyond them.
        self.dimmer = (self.dimmer + step).clamp(0, WHOLE);
    }
}

/// By how much the quantile is below the target, as a share of it, in thousandths from -1,000 to 1,000.
fn error(target: Duration, quantile: Duration) -> i64 {
    let (target, quantile) = (saturating_nanos(target).max(1), saturating_nanos(quantile));
    let share =
        i128::from(target).saturating_sub(i128::from(quantile)) * i128::from(WHOLE) / i128::from(target);
    i64::try_from(share.clamp(-i128::from(WHOLE), i128::from(WHOLE))).unwrap_or(0)
}
