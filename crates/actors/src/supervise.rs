//! How often an actor may be restarted, and which keys it no longer takes.
//!
//! Restart intensity is OTP's true sliding window, counted per name: so many restarts within a period, whatever the
//! gaps between them. Beyond it the name is left alone for a while and follows its `on_unavailable`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::Time;

/// How often one name may be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartLimit {
    /// So many restarts ...
    pub most: u32,
    /// ... within any period of this length.
    pub within: Duration,
    /// How long a name that crashed too often is left alone.
    pub pause: Duration,
}

impl Default for RestartLimit {
    /// 5 in 30 s, then a pause of 60 s.
    fn default() -> Self {
        RestartLimit { most: 5, within: Duration::from_secs(30), pause: Duration::from_secs(60) }
    }
}

/// What follows from a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Restart at this time.
    Restart(Time),
    /// It crashed too often: do not ask it before this time.
    Fail(Time),
}

/// The first restart follows at once; each further one within the window waits twice as long, from this.
const FIRST_BACKOFF: Duration = Duration::from_millis(1);
/// The longest wait before a restart: far below `ask_timeout`, so that a caller who asks meanwhile is still answered.
const LONGEST_BACKOFF: Duration = Duration::from_millis(50);

/// The restarts of one name.
#[derive(Clone, Debug)]
pub struct Intensity {
    limit: RestartLimit,
    recent: VecDeque<Time>,
    restarts: u64,
}

impl Intensity {
    /// A name that never crashed.
    #[must_use]
    pub fn new(limit: RestartLimit) -> Self {
        Intensity { limit, recent: VecDeque::new(), restarts: 0 }
    }

    /// Restarts since the runtime began.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Books a crash and says what follows from it.
    pub fn crashed(&mut self, now: Time) -> Verdict {
        while self.recent.front().is_some_and(|restart| now.since(*restart) >= self.limit.within) {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.limit.most as usize {
            self.recent.clear();
            return Verdict::Fail(now.after(self.limit.pause));
        }
        let earlier = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let wait = match earlier {
            0 => Duration::ZERO,
            n => FIRST_BACKOFF.saturating_mul(1 << (n - 1).min(16)).min(LONGEST_BACKOFF),
        };
        self.recent.push_back(now);
        self.restarts += 1;
        Verdict::Restart(now.after(wait))
    }
}

/// Keys whose message made an actor panic. They are refused, never let through: poison must not buy a bypass.
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    until: BTreeMap<String, Time>,
}

impl Quarantine {
    /// How long a key is refused.
    pub const PERIOD: Duration = Duration::from_secs(60);
    /// How many keys are remembered at most; beyond that the one that would be freed first makes room.
    pub const MOST_KEYS: usize = 1_000;

    /// Refuses `key` from now on.
    pub fn add(&mut self, key: &str, now: Time) {
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= Self::MOST_KEYS && !self.until.contains_key(key) {
            let first = self.until.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
            if let Some(first) = first {
                self.until.remove(&first);
            }
        }
        self.until.insert(key.to_owned(), now.after(Self::PERIOD));
    }

    /// How much longer `key` is refused; `None` where it is not.
    #[must_use]
    pub fn rest(&self, key: &str, now: Time) -> Option<Duration> {
        self.until.get(key).filter(|until| **until > now).map(|until| now.until(*until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Time {
        Time::ZERO.after(Duration::from_millis(millis))
    }

    fn three_in_ten_ms() -> Intensity {
        Intensity::new(RestartLimit { most: 3, within: Duration::from_millis(10), ..RestartLimit::default() })
    }

    #[test]
    fn the_window_forgets_what_is_older_than_its_length() {
        let mut intensity = three_in_ten_ms();
        for millis in [0, 1, 2, 102, 103, 104] {
            assert!(matches!(intensity.crashed(at(millis)), Verdict::Restart(_)), "{millis}");
        }
        assert_eq!(intensity.restarts(), 6);
        assert_eq!(intensity.crashed(at(105)), Verdict::Fail(at(60_105)));
    }

    #[test]
    fn a_crash_every_minute_never_escalates() {
        let mut intensity = Intensity::new(RestartLimit::default());
        assert!((0..400).all(|minute| matches!(intensity.crashed(at(minute * 60_000)), Verdict::Restart(_))));
    }

    #[test]
    fn the_first_restart_follows_at_once_and_later_ones_wait_longer_but_never_as_long_as_an_ask_does() {
        let mut intensity = Intensity::new(RestartLimit { most: 20, ..RestartLimit::default() });
        let waits: Vec<u64> = (0..10)
            .map(|_| match intensity.crashed(at(0)) {
                Verdict::Restart(when) => when.as_nanos() / 1_000_000,
                Verdict::Fail(_) => unreachable!("twenty are allowed"),
            })
            .collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 50, 50, 50]);
    }

    #[test]
    fn quarantine_refuses_for_a_minute_and_remembers_a_bounded_number_of_keys() {
        let mut quarantine = Quarantine::default();
        quarantine.add("poison", at(0));
        assert_eq!(quarantine.rest("poison", at(59_000)), Some(Duration::from_secs(1)));
        assert_eq!(quarantine.rest("poison", at(60_000)), None);
        assert_eq!(quarantine.rest("other", at(0)), None);
        for key in 0..2_000 {
            quarantine.add(&key.to_string(), at(key));
        }
        assert_eq!(quarantine.until.len(), Quarantine::MOST_KEYS);
        assert!(quarantine.rest("1999", at(2_000)).is_some());
    }

    proptest! {
        #[test]
        fn no_window_of_the_period_ever_holds_more_restarts_than_allowed(
            gaps in prop::collection::vec(0u64..8, 1..200),
        ) {
            let mut intensity = three_in_ten_ms();
            let (mut now, mut restarts, mut paused_until) = (0, Vec::new(), 0);
            for gap in gaps {
                now += gap;
                if now < paused_until {
                    continue;
                }
                match intensity.crashed(at(now)) {
                    Verdict::Restart(_) => restarts.push(now),
                    Verdict::Fail(until) => paused_until = until.as_nanos() / 1_000_000,
                }
            }
            for start in &restarts {
                let inside = restarts.iter().filter(|at| (*start..start + 10).contains(at)).count();
                prop_assert!(inside <= 3);
            }
        }
    }
}
