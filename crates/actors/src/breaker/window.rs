use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::{Time, saturating_nanos};

/// What a breaker looks back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The last so many recorded calls.
    Requests(u32),
    /// The calls recorded within this time.
    Time(Duration),
}

/// One recorded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) failure: bool,
    pub(super) slow: bool,
}

/// Sums over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls recorded.
    pub total: u32,
    /// Of these, failures.
    pub failures: u32,
    /// Of these, slow ones, failed or not.
    pub slow: u32,
}

impl Counts {
    /// So many calls that all came to `mark`.
    fn of(mark: Mark, calls: u32) -> Self {
        let share = |counts: bool| if counts { calls } else { 0 };
        Counts { total: calls, failures: share(mark.failure), slow: share(mark.slow) }
    }

    fn add(&mut self, other: Counts) {
        self.total = self.total.saturating_add(other.total);
        self.failures = self.failures.saturating_add(other.failures);
        self.slow = self.slow.saturating_add(other.slow);
    }

    fn subtract(&mut self, other: Counts) {
        self.total = self.total.saturating_sub(other.total);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

/// A time window is cut into this many buckets; a call leaves it at most one bucket late.
const BUCKETS: u64 = 10;

/// A rolling window: it forgets call by call or bucket by bucket, and never all at once.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: Span,
    /// Count windows hold calls in a row that came to the same an entry, time windows one bucket an entry with the number of
    /// its bucket.
    entries: VecDeque<(u64, Counts)>,
    counts: Counts,
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        Window { span, entries: VecDeque::new(), counts: Counts::default() }
    }

    fn bucket_nanos(span: Duration) -> u64 {
        (saturating_nanos(span) / BUCKETS).max(1)
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What stands in it once what is too old at `now` is forgotten. Buckets are added up anew: of a sum that has reached the
    /// most that it can hold, nothing can be subtracted.
    pub(super) fn counts_at(&self, now: Time) -> Counts {
        let Span::Time(_) = self.span else { return self.counts };
        let mut counts = Counts::default();
        self.entries.iter().skip(self.too_old(now)).for_each(|(_, bucket)| counts.add(*bucket));
        counts
    }

    /// How many of its entries, the first ones, are too old.
    fn too_old(&self, now: Time) -> usize {
        let Span::Time(span) = self.span else { return 0 };
        let current = now.as_nanos() / Self::bucket_nanos(span);
        self.entries.iter().take_while(|(bucket, _)| bucket + BUCKETS <= current).count()
    }

    /// Forgets what is too old at `now`.
    pub(super) fn roll(&mut self, now: Time) {
        self.counts = self.counts_at(now);
        self.entries.drain(..self.too_old(now));
    }

    pub(super) fn record(&mut self, now: Time, mark: Mark) {
        self.record_run(now, mark, 1);
    }

    /// Records so many calls that succeeded and were not slow.
    pub(super) fn record_successes(&mut self, now: Time, calls: u64) {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        self.record_run(now, Mark { failure: false, slow: false }, calls);
    }

    fn record_run(&mut self, now: Time, mark: Mark, calls: u32) {
        self.roll(now);
        match self.span {
            Span::Requests(size) => {
                let run = Counts::of(mark, calls.min(size));
                self.make_room(size - run.total);
                let alike =
                    |counts: &Counts| (counts.failures > 0, counts.slow > 0) == (mark.failure, mark.slow);
                match self.entries.back_mut() {
                    Some((_, counts)) if alike(counts) => counts.add(run),
                    _ => self.entries.push_back((0, run)),
                }
                self.counts.add(run);
            }
            Span::Time(span) => {
                let current = now.as_nanos() / Self::bucket_nanos(span);
                let run = Counts::of(mark, calls);
                match self.entries.back_mut() {
                    Some((bucket, counts)) if *bucket == current => counts.add(run),
                    _ => self.entries.push_back((current, run)),
                }
                self.counts.add(run);
            }
        }
    }

    /// Forgets the oldest calls of a count window until no more than `most` are left.
    fn make_room(&mut self, most: u32) {
        while let Some(beyond) = self.counts.total.checked_sub(most).filter(|beyond| *beyond > 0) {
            let Some((_, oldest)) = self.entries.front_mut() else { return };
            let mark = Mark { failure: oldest.failures > 0, slow: oldest.slow > 0 };
            let gone = Counts::of(mark, beyond.min(oldest.total));
            oldest.subtract(gone);
            if oldest.total == 0 {
                self.entries.pop_front();
            }
            self.counts.subtract(gone);
        }
    }

    /// When the present bucket ends; never in a window of calls.
    pub(super) fn bucket_end(&self, now: Time) -> Time {
        let Span::Time(span) = self.span else { return Time::MAX };
        let bucket = Self::bucket_nanos(span);
        Time::from_nanos((now.as_nanos() / bucket + 1).saturating_mul(bucket))
    }

    /// When the oldest bucket leaves, if that can change a rate.
    pub(super) fn next_edge(&self) -> Option<Time> {
        let Span::Time(span) = self.span else { return None };
        let (bucket, _) = self.entries.front()?;
        Some(Time::from_nanos((bucket + BUCKETS).saturating_mul(Self::bucket_nanos(span))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_calls_than_can_be_counted_leave_no_fewer_behind_when_the_oldest_go() {
        let mut window = Window::new(Span::Time(Duration::from_secs(10)));
        let at = |seconds: u64| Time::from_nanos(seconds * 1_000_000_000);
        for second in 0..10 {
            window.record_successes(at(second), u64::from(u32::MAX) / 4);
        }
        window.record(at(10), Mark { failure: true, slow: false });
        let nine = (u32::MAX / 4).saturating_mul(9);
        assert_eq!(window.counts(), Counts { total: nine, failures: 1, slow: 0 });
        let (two, none) = (window.counts_at(at(17)), window.counts_at(at(20)));
        assert_eq!((two.total, two.failures), (u32::MAX / 4 * 2 + 1, 1));
        assert_eq!(none, Counts::default());
    }
}
