use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_actors::clock::Time;

use super::{BudgetConfig, RetryBudget};
use crate::lock::lock;

/// A budget that many callers pay into and few take from.
///
/// First attempts are only counted, and entered when a retry asks: what they add comes to the same whenever it is
/// entered. As many as fill the budget say all that there is to say, so a service in health writes nothing here that
/// its threads share.
#[derive(Debug)]
pub(crate) struct SharedBudget {
    budget: Mutex<RetryBudget>,
    /// First attempts that are not entered yet.
    counted: AtomicU64,
    /// So many fill it, whatever was in it.
    filling: u64,
}

impl SharedBudget {
    /// A full budget.
    pub(crate) fn new(config: BudgetConfig, now: Time) -> Self {
        let filling = config.attempts_to_fill();
        SharedBudget {
            budget: Mutex::new(RetryBudget::new(config, now)),
            counted: AtomicU64::new(filling),
            filling,
        }
    }

    /// Notes the first attempt of a call.
    #[inline]
    pub(crate) fn first_attempt(&self) {
        if self.counted.load(Ordering::Relaxed) < self.filling {
            self.counted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Pays for one retry or hedge; `false` where there is not a whole token left.
    pub(crate) fn take(&self, now: Time) -> bool {
        self.entered(now, |budget| budget.take(now))
    }

    /// Whether there is a whole token.
    pub(crate) fn has_token(&self, now: Time) -> bool {
        self.entered(now, |budget| budget.tokens(now) > 0)
    }

    fn entered<R>(&self, now: Time, then: impl FnOnce(&mut RetryBudget) -> R) -> R {
        let mut budget = lock(&self.budget);
        budget.first_attempts(self.counted.swap(0, Ordering::Relaxed), now);
        then(&mut budget)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steadfast_actors::settings::Settings;

    use super::*;
    use crate::retry::RetryConfig;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        First,
        Take,
        Look,
        Wait(u64),
    }

    fn config(ratio: f64, min: &str, cap: i64) -> BudgetConfig {
        let table = Settings::new().with("ratio", ratio).with("min", min).with("cap", cap);
        let settings = Settings::new().with("budget", table);
        *RetryConfig::from_settings(&settings).unwrap().budget().unwrap()
    }

    proptest! {
        #[test]
        fn attempts_that_are_entered_late_leave_what_those_do_that_are_entered_at_once(
            ratio in prop::sample::select(vec![0.0, 0.001, 0.3, 2.0]),
            cap in 1..40_i64,
            steps in prop::collection::vec(prop_oneof![
                6 => Just(Step::First),
                2 => Just(Step::Take),
                1 => Just(Step::Look),
                1 => (0..2_000_000_000_u64).prop_map(Step::Wait),
            ], 1..400),
        ) {
            let config = config(ratio, "1/s", cap);
            let shared = SharedBudget::new(config, Time::ZERO);
            let mut plain = RetryBudget::new(config, Time::ZERO);
            let mut now = 0;
            for step in steps {
                let at = Time::from_nanos(now);
                match step {
                    Step::First => {
                        shared.first_attempt();
                        plain.first_attempt(at);
                    }
                    Step::Take => prop_assert_eq!(shared.take(at), plain.take(at)),
                    Step::Look => prop_assert_eq!(shared.has_token(at), plain.tokens(at) > 0),
                    Step::Wait(nanos) => now += nanos,
                }
            }
        }
    }
}
