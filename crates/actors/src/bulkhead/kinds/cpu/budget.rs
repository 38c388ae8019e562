use std::time::Duration;

use crate::bulkhead::CpuSettings;
use crate::clock::{Time, saturating_nanos};

/// Processor time that a pool may still use, in nanoseconds. What one poll takes is known only afterwards, so it can fall
/// below zero: the debt is paid by the periods that follow.
#[derive(Debug)]
pub(super) struct Budget {
    settings: CpuSettings,
    left: i128,
    /// When the present period began.
    begun: Time,
}

impl Budget {
    pub(super) fn new(settings: CpuSettings, now: Time) -> Self {
        Budget { settings, left: quota(settings), begun: now }
    }

    /// Takes over settings that were completed meanwhile; what is owed stays owed.
    pub(super) fn follow(&mut self, settings: CpuSettings) {
        self.settings = settings;
        self.left = self.left.min(quota(settings));
    }

    /// Whether a handler may be polled.
    ///
    /// # Errors
    /// When the next one may.
    pub(super) fn may_run(&mut self, now: Time) -> Result<(), Time> {
        self.refill(now);
        if self.left > 0 {
            return Ok(());
        }
        let periods = -self.left / quota(self.settings) + 1;
        let wait = periods.saturating_mul(period(self.settings));
        Err(self.begun.after(Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))))
    }

    pub(super) fn charge(&mut self, used: Duration) {
        self.left -= i128::from(saturating_nanos(used));
    }

    /// What a period did not use is lost: saved up, it would let one heavy handler starve the others for as long.
    fn refill(&mut self, now: Time) {
        let passed = i128::from(now.as_nanos()) - i128::from(self.begun.as_nanos());
        let periods = passed / period(self.settings);
        if periods > 0 {
            let earned = periods.saturating_mul(quota(self.settings));
            self.left = self.left.saturating_add(earned).min(quota(self.settings));
            let whole = periods.saturating_mul(period(self.settings));
            self.begun = self.begun.after(Duration::from_nanos(u64::try_from(whole).unwrap_or(u64::MAX)));
        }
    }
}

fn quota(settings: CpuSettings) -> i128 {
    i128::from(saturating_nanos(settings.quota).max(1))
}

fn period(settings: CpuSettings) -> i128 {
    i128::from(saturating_nanos(settings.period).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    fn thirty_in_a_hundred() -> Budget {
        Budget::new(CpuSettings { quota: millis(30), period: millis(100) }, Time::ZERO)
    }

    #[test]
    fn a_period_gives_its_quota_and_no_more() {
        let mut budget = thirty_in_a_hundred();
        budget.charge(millis(29));
        assert_eq!(budget.may_run(at(50)), Ok(()));
        budget.charge(millis(1));
        assert_eq!(budget.may_run(at(50)), Err(at(100)));
        assert_eq!(budget.may_run(at(100)), Ok(()));
    }

    #[test]
    fn a_poll_that_took_too_much_is_paid_for_by_the_periods_that_follow() {
        let mut budget = thirty_in_a_hundred();
        budget.charge(millis(100));
        assert_eq!(budget.may_run(at(10)), Err(at(300)));
        assert_eq!(budget.may_run(at(299)), Err(at(300)));
        assert_eq!(budget.may_run(at(300)), Ok(()));
    }

    #[test]
    fn what_a_period_did_not_use_is_not_saved_up() {
        let mut budget = thirty_in_a_hundred();
        assert_eq!(budget.may_run(at(10_000)), Ok(()));
        budget.charge(millis(30));
        assert_eq!(budget.may_run(at(10_000)), Err(at(10_100)));
    }

    proptest! {
        #[test]
        fn in_any_number_of_periods_it_lets_no_more_be_used_than_their_quotas_and_one_poll(
            polls in prop::collection::vec((1u64..40, 0u64..200), 1..100),
        ) {
            let mut budget = thirty_in_a_hundred();
            let (mut now, mut used, mut largest) = (0, 0, 0);
            for (takes, pause) in polls {
                now += pause;
                if let Err(next) = budget.may_run(at(now)) {
                    prop_assert!(next > at(now));
                    now = next.as_nanos() / 1_000_000;
                    prop_assert_eq!(budget.may_run(at(now)), Ok(()));
                }
                budget.charge(millis(takes));
                used += takes;
                largest = largest.max(takes);
                prop_assert!(used <= (now / 100 + 1) * 30 + largest, "{used} ms by {now} ms");
            }
        }
    }
}
