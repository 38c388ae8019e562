use std::time::Duration;

use super::Shed;
use crate::bulkhead::Priority;
use crate::clock::{Time, saturating_nanos};

/// All of them.
pub(super) const WHOLE: u64 = 1_000;
/// What passes is what shows that it is over.
const MOST: u64 = 950;
/// An interval shorter than this sees too few calls.
const SHORTEST: Duration = Duration::from_millis(10);
/// So many intervals without a call are as good as a fresh start.
const LONG_AGO: u32 = 200;
/// Four classes.
pub(super) const CLASSES: usize = 4;

/// Which share of calls is turned away, found by looking at the least delay of each interval.
#[derive(Clone, Debug)]
pub(super) struct Control {
    /// In thousandths of all calls.
    pub(super) share: u64,
    /// Looks in a row at which the delay was above the target.
    above: u64,
    /// When the present interval ends.
    ends: Time,
    /// The least delay of those that began in it, by class: where the high ones go first they hardly wait, and tell
    /// nothing of the line behind them.
    least: [Option<Duration>; CLASSES],
    /// Calls that came in it, by class.
    came: [u64; CLASSES],
    /// The same of earlier intervals, smoothed, in 256ths.
    usual: [u64; CLASSES],
    /// What each class is owed of a whole refusal, in thousandths.
    owed: [u64; CLASSES],
}

impl Control {
    pub(super) fn new(config: &Shed, now: Time) -> Self {
        Control {
            share: 0,
            above: 0,
            ends: now.after(config.interval),
            least: [None; CLASSES],
            came: [0; CLASSES],
            usual: [0; CLASSES],
            owed: [0; CLASSES],
        }
    }

    /// Ends the intervals that are over.
    pub(super) fn catch_up(&mut self, config: &Shed, now: Time) {
        for _ in 0..LONG_AGO {
            if self.ends > now {
                return;
            }
            self.look(config);
        }
        *self = Control { usual: self.usual, ..Control::new(config, now) };
    }

    /// One interval is over.
    fn look(&mut self, config: &Shed) {
        let came: u64 = self.came.iter().sum();
        if came > 0 {
            for (usual, came) in self.usual.iter_mut().zip(self.came) {
                *usual = (*usual * 3 + came * 256) / 4;
            }
        }
        let is_late = |least: &Option<Duration>| least.is_some_and(|least| least > config.target_delay);
        match self.least.iter().position(is_late) {
            Some(highest) => {
                self.above += 1;
                self.share = (self.share + (WHOLE - self.share) / 10).min(self.most(highest));
            }
            // Nobody who came has begun: nothing is known.
            None if self.least().is_none() && came > 0 && self.share > 0 => {}
            None => {
                self.above = 0;
                self.share = self.share.saturating_sub((self.share / 16).max(10));
            }
        }
        self.came = [0; CLASSES];
        self.least = [None; CLASSES];
        self.ends = self.ends.after(self.interval(config));
    }

    /// The most that helps the highest class that waits: those above it do not, and are not turned away for its sake.
    fn most(&self, highest: usize) -> u64 {
        let total: u64 = self.usual.iter().sum();
        let concerned: u64 = self.usual.iter().skip(highest).sum();
        (MOST * concerned).checked_div(total).unwrap_or(MOST)
    }

    fn interval(&self, config: &Shed) -> Duration {
        let root = (self.above.clamp(1, 100) * 10_000).isqrt();
        let nanos = saturating_nanos(config.interval).saturating_mul(100) / root;
        Duration::from_nanos(nanos).max(SHORTEST.min(config.interval))
    }

    pub(super) fn came(&mut self, class: Priority) {
        self.came[class.index()] += 1;
    }

    pub(super) fn waited(&mut self, class: Priority, delay: Duration) {
        let least = &mut self.least[class.index()];
        *least = Some(least.map_or(delay, |least| least.min(delay)));
    }

    /// The least delay of the class that has the longest one.
    pub(super) fn least(&self) -> Option<Duration> {
        self.least.iter().flatten().max().copied()
    }

    /// Which share of a class is turned away, in thousandths: of the lowest first, until the share of all is reached.
    pub(super) fn share_of(&self, class: Priority) -> u64 {
        let total: u64 = self.usual.iter().sum();
        let below: u64 = self.usual.iter().skip(class.index() + 1).sum();
        let wanted = (total * self.share / WHOLE).saturating_sub(below);
        match self.usual[class.index()] {
            // Nobody of it came lately: it is turned away where those below it are, and some of its neighbours too.
            0 if wanted > 0 => MOST,
            0 => 0,
            own => (wanted * WHOLE / own).min(MOST),
        }
    }

    /// Whether the next one of a class is turned away: evenly, not by lot.
    pub(super) fn sheds(&self, class: Priority) -> bool {
        self.share > 0 && self.owed[class.index()] + self.share_of(class) >= WHOLE
    }

    /// Counts the next one of a class, as [`sheds`](Control::sheds) says.
    pub(super) fn count(&mut self, class: Priority, shed: bool) {
        let owed = self.owed[class.index()] + self.share_of(class);
        self.owed[class.index()] = if shed { owed.saturating_sub(WHOLE) } else { owed.min(WHOLE - 1) };
    }
}
