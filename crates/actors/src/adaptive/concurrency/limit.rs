use super::gradient::Gradient;
use super::sample::Sample;
use super::vegas::Vegas;
use super::window::Window;
use crate::clock::Time;

/// How a limit is found where none is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Adaptive {
    /// By the ratio of long-term to present latency.
    Gradient,
    /// By the queue that latency tells of.
    Vegas,
    /// Up by one, down by a share.
    Aimd,
}

impl Adaptive {
    pub(crate) const NAMES: [(&'static str, Adaptive); 3] =
        [("gradient", Adaptive::Gradient), ("vegas", Adaptive::Vegas), ("aimd", Adaptive::Aimd)];

    /// Its name in attributes and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, adaptive)| *adaptive == self).map_or("", |(name, _)| name)
    }
}

/// A limit that looks for the knee of what it guards.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    limit: u64,
    most: u64,
    window: Window,
    /// It went down for what was refused, and some of what was admitted before is still to end.
    settling: bool,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Gradient(Gradient),
    Vegas(Vegas),
    Aimd,
}

impl Limit {
    /// So many times its first capacity is its most: an author is seldom wrong by more.
    pub const TIMES: u64 = 10;

    /// One that begins at `capacity`, and may go up to ten times that.
    #[must_use]
    pub fn new(adaptive: Adaptive, capacity: u64, now: Time) -> Self {
        let by = match adaptive {
            Adaptive::Gradient => By::Gradient(Gradient::new(now)),
            Adaptive::Vegas => By::Vegas(Vegas::new(now)),
            Adaptive::Aimd => By::Aimd,
        };
        let limit = capacity.max(1);
        Limit {
            limit,
            most: limit.saturating_mul(Self::TIMES),
            window: Window::new(now),
            settling: false,
            by,
        }
    }

    /// How many may run at once.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Learns from a call that ended; whether the limit is another now.
    pub fn learn(&mut self, sample: Sample) -> bool {
        let Some(seen) = self.window.take(sample, self.limit) else { return false };
        if std::mem::take(&mut self.settling) {
            return false;
        }
        let before = self.limit;
        let next = match &mut self.by {
            // Whatever it goes by: what is refused, or runs out of time, is too much.
            _ if seen.overloaded => {
                self.settling = true;
                (before * 9 / 10).min(before - 1)
            }
            By::Gradient(gradient) => gradient.next(sample.now, seen, before),
            By::Vegas(vegas) => vegas.next(sample.now, seen, before),
            By::Aimd if seen.presses(before) => before + 1,
            By::Aimd => before,
        };
        self.limit = next.clamp(1, self.most);
        self.limit != before
    }
}
