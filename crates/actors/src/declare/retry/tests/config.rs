use std::time::Duration;

use crate::clock::{Entropy, Time};
use crate::outcome::{Ending, ErrorKind};
use crate::rejection::RejectionKind;
use crate::settings::{Settings, Value};

use super::super::*;

fn read(settings: Settings) -> RetryConfig {
    RetryConfig::from_settings(&settings).unwrap()
}

fn wrong_keys(settings: Settings) -> Vec<String> {
    RetryConfig::from_settings(&settings).unwrap_err().into_iter().map(|problem| problem.key).collect()
}

fn words(key: &str, words: &[&str]) -> Settings {
    Settings::new().with(key, words.to_vec())
}

#[test]
fn the_block_of_the_specification_is_read() {
    let config = read(
        Settings::new()
            .with("attempts", 5)
            .with("strategy", "exponential")
            .with("base_delay", "500ms")
            .with("max_delay", "30s")
            .with("jitter", true)
            .with("retry_on", vec!["timeout", "connection_error", "rate_limit"])
            .with("dont_retry_on", vec!["authentication_error", "validation_error"]),
    );
    assert_eq!(config.attempts(), 5);
    assert_eq!(config.backoff().bound(1), Duration::from_millis(500));
    assert!(config.repeats(1, Ending::Error(ErrorKind::Timeout)));
    assert!(!config.repeats(1, Ending::Error(ErrorKind::ServerError)));
    assert!(!config.repeats(1, Ending::Error(ErrorKind::ValidationError)));
}

#[test]
fn three_attempts_are_three_runs_with_the_first_included() {
    let config = read(Settings::new());
    let runs = (1..).find(|run| !config.repeats(*run, Ending::TimedOut));
    assert_eq!(runs, Some(3));
}

#[test]
fn what_may_pass_is_repeated_and_the_callers_fault_never() {
    for (name, kind) in ErrorKind::NAMES {
        let repeated =
            ["timeout", "connection_error", "rate_limit", "server_error", "unavailable", "unknown"]
                .contains(&name);
        assert_eq!(is_repeated_by_default(Ending::Error(kind)), repeated, "{name}");
    }
    assert!(!is_repeated_by_default(Ending::Success));
    assert!(!is_repeated_by_default(Ending::Cancelled));
    assert!(is_repeated_by_default(Ending::TimedOut));
    assert!(is_repeated_by_default(Ending::Panicked));
}

#[test]
fn our_own_open_full_and_shed_end_the_loop_at_once() {
    for (name, kind) in RejectionKind::NAMES {
        let repeated = ["rate_limited", "timeout", "unavailable"].contains(&name);
        assert_eq!(is_repeated_by_default(Ending::Rejected(kind)), repeated, "{name}");
    }
    let unavailable = read(words("retry_on", &["unavailable"]));
    assert!(unavailable.repeats(1, Ending::Error(ErrorKind::Unavailable)));
    assert!(unavailable.repeats(1, Ending::Rejected(RejectionKind::Unavailable)));
    assert!(!unavailable.repeats(1, Ending::Rejected(RejectionKind::Open)));
}

#[test]
fn an_own_name_in_retry_on_opts_in() {
    let config = read(words("retry_on", &["open", "conflict"]));
    assert!(config.repeats(1, Ending::Rejected(RejectionKind::Open)));
    assert!(config.repeats(1, Ending::Error(ErrorKind::Conflict)));
    assert!(!config.repeats(1, Ending::Rejected(RejectionKind::Full)));
    assert!(!config.repeats(1, Ending::TimedOut));
}

#[test]
fn dont_retry_on_excludes_from_the_defaults() {
    let config = read(words("dont_retry_on", &["timeout", "rate_limited"]));
    assert!(!config.repeats(1, Ending::TimedOut));
    assert!(!config.repeats(1, Ending::Rejected(RejectionKind::RateLimited)));
    assert!(config.repeats(1, Ending::Error(ErrorKind::RateLimit)));
    assert!(config.repeats(1, Ending::Error(ErrorKind::Unknown)));
}

#[test]
fn a_word_in_both_lists_or_without_hope_is_a_mistake() {
    let both = words("retry_on", &["timeout"]).with("dont_retry_on", "timeout");
    assert_eq!(wrong_keys(both), ["dont_retry_on"]);
    assert_eq!(wrong_keys(words("retry_on", &["validation_error"])), ["retry_on"]);
    assert_eq!(wrong_keys(words("retry_on", &["timout"])), ["retry_on"]);
    assert_eq!(wrong_keys(Settings::new().with("retry_on", Value::List(Vec::new()))), ["retry_on"]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let settings = Settings::new()
        .with("atempts", 3)
        .with("attempts", 0)
        .with("base_delay", "0s")
        .with("max_delay", 30)
        .with("multiplier", f64::NAN)
        .with("jitter", "yes")
        .with("nested", "always")
        .with("budget", Settings::new().with("ratio", -1.0).with("min", "10").with("cap", 0));
    let mut keys = wrong_keys(settings);
    keys.sort();
    let expected = [
        "atempts",
        "attempts",
        "base_delay",
        "budget.cap",
        "budget.min",
        "budget.ratio",
        "jitter",
        "max_delay",
        "multiplier",
        "nested",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn only_a_fixed_delay_may_be_zero_and_then_runs_again_at_once() {
    let config =
        RetryConfig::from_settings(&Settings::new().with("strategy", "fixed").with("base_delay", "0s"));
    assert_eq!(config.unwrap().backoff().bound(1), Duration::ZERO);
    for strategy in ["linear", "exponential", "decorrelated"] {
        let settings = Settings::new().with("strategy", strategy).with("base_delay", "0s");
        assert_eq!(wrong_keys(settings), ["base_delay"], "{strategy}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_mistakes() {
    let decorrelated = Settings::new().with("strategy", "decorrelated").with("jitter", false);
    assert_eq!(wrong_keys(decorrelated), ["jitter"]);
    assert_eq!(wrong_keys(Settings::new().with("strategy", "fixed").with("multiplier", 3)), ["multiplier"]);
    assert_eq!(wrong_keys(Settings::new().with("multiplier", 1.0001)), ["multiplier"]);
    assert_eq!(wrong_keys(Settings::new().with("strategy", "fixed").with("backoff", "mine")), ["backoff"]);
    let never = Settings::new().with("ratio", 0).with("min", "0/s");
    assert_eq!(wrong_keys(Settings::new().with("budget", never)), ["budget.ratio"]);
}

#[test]
fn a_custom_strategy_follows_the_function_that_the_attribute_names() {
    let settings = Settings::new().with("backoff", "mine").with("max_delay", "5s");
    assert_eq!(wrong_keys(settings.clone()), ["strategy"]);
    let function: BackoffFunction = |attempt| Duration::from_secs(u64::from(attempt));
    let config = RetryConfig::from_settings_and_function(&settings, Some(function)).unwrap();
    let waits =
        [1, 2, 9].map(|attempt| config.backoff().delay(attempt, Duration::ZERO, &mut Entropy::new(1, "s")));
    assert_eq!(waits, [1, 2, 5].map(Duration::from_secs));
}

#[test]
fn a_multiplier_with_decimals_is_computed_exactly() {
    let config = read(Settings::new().with("multiplier", 1.5).with("jitter", false));
    let waits = [1, 2, 3, 4].map(|attempt| config.backoff().bound(attempt));
    assert_eq!(waits, [1_000, 1_500, 2_250, 3_375].map(Duration::from_millis));
    let flat = read(Settings::new().with("multiplier", 1).with("jitter", false));
    assert_eq!(flat.backoff().bound(u32::MAX), Duration::from_secs(1));
}

fn budget(ratio: f64, min: &str, cap: i32) -> RetryBudget {
    let table = Settings::new().with("ratio", ratio).with("min", min).with("cap", cap);
    RetryBudget::new(*read(Settings::new().with("budget", table)).budget().unwrap(), Time::ZERO)
}

#[test]
fn the_budget_can_be_written_and_switched_off() {
    assert!(read(Settings::new().with("budget", "off")).budget().is_none());
    assert_eq!(wrong_keys(Settings::new().with("budget", "of")), ["budget"]);
    for wrong in ["", "/s", "10", "-1/s", "1e3/s", "10/0s", "10/2d", "10/x", "10000000/s", "10/s/s"] {
        let table = Settings::new().with("min", wrong);
        assert_eq!(wrong_keys(Settings::new().with("budget", table)), ["budget.min"], "{wrong:?}");
    }
    let mut slow = budget(0.0, "3/10m", 5);
    while slow.take(Time::ZERO) {}
    assert_eq!(slow.tokens(Time::ZERO.after(Duration::from_secs(599))), 2);
    assert_eq!(slow.tokens(Time::ZERO.after(Duration::from_secs(600))), 3);
}

#[test]
fn a_drained_budget_of_two_pays_again_after_five_successes() {
    let mut budget = budget(0.2, "0/s", 2);
    for _ in 0..2 {
        budget.first_attempt(Time::ZERO);
        assert!(budget.take(Time::ZERO));
    }
    assert!(!budget.take(Time::MAX));
    for _ in 0..5 {
        budget.first_attempt(Time::MAX);
    }
    budget.first_attempt(Time::MAX);
    assert!(budget.take(Time::MAX));
    assert!(!budget.take(Time::MAX));
}

#[test]
fn a_budget_of_two_ends_a_thousand_attempts_after_the_third() {
    let mut budget = budget(0.2, "0/s", 2);
    let config = read(Settings::new().with("attempts", 1000));
    budget.first_attempt(Time::ZERO);
    let mut runs = 1;
    while config.repeats(runs, Ending::TimedOut) && budget.take(Time::ZERO) {
        runs += 1;
    }
    assert_eq!(runs, 3);
}

#[test]
fn a_reload_keeps_the_tokens_whatever_the_period() {
    let mut budget = budget(0.2, "10/s", 100);
    while budget.tokens(Time::ZERO) > 7 {
        assert!(budget.take(Time::ZERO));
    }
    for (min, cap, expected) in [("1/h", 1_000, 7), ("1/ms", 20, 7), ("10/s", 5, 5), ("10/s", 100, 5)] {
        let table = Settings::new().with("min", min).with("cap", cap);
        budget.reconfigure(*read(Settings::new().with("budget", table)).budget().unwrap(), Time::ZERO);
        assert_eq!(budget.tokens(Time::ZERO), expected, "{min}, cap {cap}");
    }
}

#[test]
fn a_reload_keeps_what_there_is_of_a_token() {
    let mut budget = budget(0.5, "0/s", 2);
    while budget.take(Time::ZERO) {}
    budget.first_attempt(Time::ZERO);
    let hourly = Settings::new().with("ratio", 0.5).with("min", "0/h").with("cap", 2);
    budget.reconfigure(*read(Settings::new().with("budget", hourly)).budget().unwrap(), Time::ZERO);
    assert_eq!(budget.tokens(Time::ZERO), 0);
    budget.first_attempt(Time::ZERO);
    assert_eq!(budget.tokens(Time::ZERO), 1);
}
