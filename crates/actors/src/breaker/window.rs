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
    fn add(&mut self, mark: Mark) {
        self.total = self.total.saturating_add(1);
        self.failures = self.failures.saturating_add(mark.failure.into());
        self.slow = self.slow.saturating_add(mark.slow.into());
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
    /// Count windows hold one call an entry, time windows one bucket an entry with the number of its bucket.
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

    /// Forgets what is too old at `now`.
    pub(super) fn roll(&mut self, now: Time) {
        let Span::Time(span) = self.span else { return };
        let current = now.as_nanos() / Self::bucket_nanos(span);
        while let Some((bucket, counts)) = self.entries.front().copied() {
            if bucket + BUCKETS > current {
                break;
            }
            self.entries.pop_front();
            self.counts.subtract(counts);
        }
    }

    pub(super) fn record(&mut self, now: Time, mark: Mark) {
        self.roll(now);
        let mut single = Counts::default();
        single.add(mark);
        match self.span {
            Span::Requests(size) => {
                while self.entries.len() >= size as usize {
                    if let Some((_, oldest)) = self.entries.pop_front() {
                        self.counts.subtract(oldest);
                    }
                }
                self.entries.push_back((0, single));
            }
            Span::Time(span) => {
                let current = now.as_nanos() / Self::bucket_nanos(span);
                match self.entries.back_mut() {
                    Some((bucket, counts)) if *bucket == current => counts.add(mark),
                    _ => self.entries.push_back((current, single)),
                }
            }
        }
        self.counts.add(mark);
    }

    /// When the oldest bucket leaves, if that can change a rate.
    pub(super) fn next_edge(&self) -> Option<Time> {
        let Span::Time(span) = self.span else { return None };
        let (bucket, _) = self.entries.front()?;
        Some(Time::from_nanos((bucket + BUCKETS).saturating_mul(Self::bucket_nanos(span))))
    }
}
