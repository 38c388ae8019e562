mod config;

use std::time::Duration;

use crate::clock::{Entropy, Time};
use proptest::prelude::*;

use super::{Backoff, BudgetConfig, RetryBudget, Strategy};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn exponential_without_jitter_waits_one_two_and_four_seconds() {
    let backoff = Backoff::exponential(seconds(1)).without_jitter();
    let mut entropy = Entropy::new(1, "site");
    let waits: Vec<Duration> =
        (1..=3).map(|attempt| backoff.delay(attempt, Duration::ZERO, &mut entropy)).collect();
    assert_eq!(waits, [seconds(1), seconds(2), seconds(4)]);
}

#[test]
fn a_cap_of_three_seconds_gives_one_two_three_three() {
    let backoff = Backoff::exponential(seconds(1)).with_max_delay(seconds(3)).without_jitter();
    let waits: Vec<Duration> = (1..=4).map(|attempt| backoff.bound(attempt)).collect();
    assert_eq!(waits, [seconds(1), seconds(2), seconds(3), seconds(3)]);
}

#[test]
fn fixed_waits_the_same_and_linear_one_base_more_each_time() {
    let fixed = Backoff::fixed(seconds(2)).without_jitter();
    let linear = Backoff::linear(seconds(2)).without_jitter();
    assert_eq!([1, 2, 90].map(|attempt| fixed.bound(attempt)), [seconds(2); 3]);
    assert_eq!([1, 2, 3, u32::MAX].map(|attempt| linear.bound(attempt)), [2, 4, 6, 30].map(seconds));
}

#[test]
fn a_base_above_the_cap_waits_the_cap_at_every_attempt() {
    let backoff = Backoff::exponential(seconds(1)).with_max_delay(millis(10)).without_jitter();
    assert!((1..=100).all(|attempt| backoff.bound(attempt) == millis(10)));
}

#[test]
fn waits_never_decrease_and_stay_at_the_cap_up_to_the_last_attempt_number() {
    let backoff = Backoff::exponential(seconds(1)).with_max_delay(seconds(60)).without_jitter();
    let waits: Vec<Duration> = (0..=130).chain([u32::MAX]).map(|attempt| backoff.bound(attempt)).collect();
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(waits.iter().all(|wait| !wait.is_zero() && *wait <= seconds(60)));
    assert!(waits[7..].iter().all(|wait| *wait == seconds(60)));
}

#[test]
fn with_jitter_two_thousand_attempts_stay_above_zero_and_below_the_cap() {
    let backoff = Backoff::exponential(seconds(2));
    let mut entropy = Entropy::new(3, "site");
    for attempt in 1..=2000 {
        let wait = backoff.delay(attempt, Duration::ZERO, &mut entropy);
        assert!(!wait.is_zero() && wait <= seconds(30), "attempt {attempt}: {wait:?}");
    }
}

#[test]
fn jitter_is_drawn_below_the_cap_and_does_not_bunch_there() {
    let mut entropy = Entropy::new(5, "site");
    let random = [Backoff::exponential(millis(100)), Backoff::decorrelated(millis(100))];
    for backoff in random.map(|backoff| backoff.with_max_delay(millis(500))) {
        let draws: Vec<Duration> =
            (0..10_000).map(|_| backoff.delay(20, millis(500), &mut entropy)).collect();
        let longest = *draws.iter().max().unwrap();
        assert!(longest <= millis(500) && longest > millis(490));
        assert!(draws.iter().filter(|wait| **wait == longest).count() < 1_000);
        let mean = draws.iter().sum::<Duration>() / 10_000;
        let middle = if backoff.strategy() == Strategy::Decorrelated { millis(300) } else { millis(250) };
        assert!(mean.abs_diff(middle) < millis(10), "{mean:?}");
    }
}

#[test]
fn decorrelated_draws_between_the_base_and_three_times_the_wait_before() {
    let backoff = Backoff::decorrelated(millis(100)).with_max_delay(seconds(10));
    let mut entropy = Entropy::new(7, "site");
    let mut previous = Duration::ZERO;
    for attempt in 1..=500 {
        let wait = backoff.delay(attempt, previous, &mut entropy);
        let high = (previous.max(millis(100)) * 3).min(seconds(10));
        assert!(wait >= millis(100) && wait <= high, "{wait:?} after {previous:?}");
        assert!(wait <= backoff.bound(attempt));
        previous = wait;
    }
    assert!(backoff.delay(1, Duration::MAX, &mut entropy) <= seconds(10));
    let after_a_second = (0..1_000).map(|_| backoff.delay(2, seconds(1), &mut entropy)).max().unwrap();
    assert!(after_a_second > millis(2_900), "{after_a_second:?} is far from three times the second before");
}

#[test]
fn a_function_of_the_users_is_followed_up_to_the_cap_and_without_jitter() {
    let backoff = Backoff::custom(|attempt| Duration::from_secs(u64::from(attempt) * 7));
    let mut entropy = Entropy::new(1, "site");
    assert_eq!(backoff.delay(2, Duration::ZERO, &mut entropy), seconds(14));
    assert_eq!(Backoff::custom(|_| Duration::MAX).bound(1), seconds(30));
}

fn drained(config: BudgetConfig) -> RetryBudget {
    let mut budget = RetryBudget::new(config, Time::ZERO);
    while budget.take(Time::ZERO) {}
    budget
}

#[test]
fn a_budget_starts_at_its_cap_and_a_retry_costs_one() {
    let mut budget = RetryBudget::new(BudgetConfig::default(), Time::ZERO);
    let paid = (0..1000).filter(|_| budget.take(Time::ZERO)).count();
    assert_eq!(paid, 100);
}

#[test]
fn a_drained_budget_refills_with_first_attempts_to_the_token() {
    let mut budget = drained(BudgetConfig::default());
    for first in 1..=5 {
        assert!(!budget.take(Time::ZERO), "after {} first attempts", first - 1);
        budget.first_attempt(Time::ZERO);
    }
    assert!(budget.take(Time::ZERO));
    assert!(!budget.take(Time::ZERO));
}

#[test]
fn a_drained_budget_has_ten_tokens_after_a_second_and_never_more_than_its_cap() {
    let budget = drained(BudgetConfig::default());
    assert_eq!(budget.tokens(Time::from_nanos(99_999_999)), 0);
    assert_eq!(budget.tokens(Time::from_nanos(100_000_000)), 1);
    assert_eq!(budget.tokens(Time::from_nanos(1_000_000_000)), 10);
    assert_eq!(budget.tokens(Time::MAX), 100);
}

#[test]
fn an_older_clock_reading_gives_no_tokens_twice() {
    let mut budget = drained(BudgetConfig::default());
    let second = Time::from_nanos(1_000_000_000);
    assert_eq!((0..100).filter(|_| budget.take(second)).count(), 10);
    assert!(!budget.take(Time::ZERO));
    assert!(!budget.take(second));
}

#[test]
fn another_cap_neither_refills_nor_keeps_more_than_it_holds() {
    let mut budget = drained(BudgetConfig::default());
    budget.reconfigure(BudgetConfig::default(), Time::ZERO);
    assert_eq!(budget.tokens(Time::ZERO), 0);
}

proptest! {
    /// The naive model counts in millionths of a token, with one input every 100 microseconds or a multiple of it:
    /// at ten a second that is exact.
    #[test]
    fn the_budget_agrees_with_a_count_in_millionths(inputs in prop::collection::vec((any::<bool>(), 0u64..40_000), 0..200)) {
        let mut budget = RetryBudget::new(BudgetConfig::default(), Time::ZERO);
        let (mut model, mut now) = (100_000_000u64, 0u64);
        for (retry, steps) in inputs {
            now += steps * 100_000;
            model = (model + steps * 1_000).min(100_000_000);
            if retry {
                prop_assert_eq!(budget.take(Time::from_nanos(now)), model >= 1_000_000);
                model = model.checked_sub(1_000_000).unwrap_or(model);
            } else {
                budget.first_attempt(Time::from_nanos(now));
                model = (model + 200_000).min(100_000_000);
            }
            prop_assert_eq!(u64::from(budget.tokens(Time::from_nanos(now))), model / 1_000_000);
        }
    }

    /// The naive model has no cap of its own until the end: 128 bits hold any base doubled 64 times.
    #[test]
    fn the_exponential_bound_is_the_base_doubled_and_then_cut(base: u64, max: u64, attempt in 1u32..=64) {
        let backoff = Backoff::exponential(Duration::from_nanos(base)).with_max_delay(Duration::from_nanos(max));
        let model = (u128::from(base) << (attempt - 1)).min(u128::from(max));
        prop_assert_eq!(backoff.bound(attempt).as_nanos(), model);
    }

    #[test]
    fn no_wait_exceeds_the_cap_whatever_the_settings(base: u64, max: u64, attempt: u32, previous: u64, seed: u64) {
        let (base, max, previous) = (Duration::from_nanos(base), Duration::from_nanos(max), Duration::from_nanos(previous));
        let mut entropy = Entropy::new(seed, "site");
        for backoff in [Backoff::fixed(base), Backoff::linear(base), Backoff::exponential(base), Backoff::decorrelated(base)] {
            let backoff = backoff.with_max_delay(max);
            prop_assert!(backoff.bound(attempt) <= max);
            prop_assert!(backoff.delay(attempt, previous, &mut entropy) <= max);
            prop_assert_eq!(backoff.without_jitter().bound(1).min(base.min(max)), base.min(max));
        }
    }
}
