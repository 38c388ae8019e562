use std::time::Duration;

use super::*;
use crate::settings::Settings;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn thirty_percent_of_ten_seconds_is_three_and_never_more_than_what_is_left() {
    let cascade = TimeoutCascade::from_settings(&Settings::new().with("percentage", 30)).unwrap();
    assert_eq!(cascade.share(seconds(10), seconds(10)), seconds(3));
    assert_eq!(cascade.share(seconds(10), seconds(1)), seconds(1));
    assert_eq!(cascade.share(Duration::MAX, seconds(7)), seconds(7));
}

#[test]
fn an_attempt_longer_than_its_total_is_refused_at_the_attempt() {
    let settings = Settings::new().with("total", "1s").with("per_attempt", "2s");
    assert_eq!(Timeout::from_settings(&settings).unwrap_err()[0].key, "per_attempt");
    assert!(Timeout::from_settings(&Settings::new().with("total", "0s")).is_err());
    assert!(Timeout::from_settings(&Settings::new()).is_err());
}

#[test]
fn routes_are_checked_to_the_parameter() {
    let read = |route: &str| ServiceMethod::from_settings(&Settings::new().with("route", route));
    assert_eq!(read("POST /orders/:id/confirm").unwrap().path, "/orders/:id/confirm");
    for route in ["/orders", "FETCH /orders", "GET orders", "GET /:", "GET /:id/:id", "GET /a b"] {
        assert_eq!(read(route).unwrap_err()[0].key, "route", "{route}");
    }
}

#[test]
fn words_of_errors_and_of_refusals_may_stand_in_one_list() {
    let settings =
        Settings::new().with("path", "cached").with("on", vec!["open", "timeout", "connection_error"]);
    assert_eq!(Fallback::from_settings(&settings).unwrap().on.unwrap().len(), 3);
    let settings = Settings::new().with("path", "cached").with("on", vec!["opne"]);
    assert!(Fallback::from_settings(&settings).unwrap_err()[0].message.contains("\"open\""));
}

#[test]
fn an_attribute_that_does_not_exist_is_named_with_its_neighbour() {
    let problems = check("cirucit_breaker", &Settings::new()).unwrap_err();
    assert!(problems[0].message.contains("`circuit_breaker`"));
}

fn wrong(attribute: &str, settings: Settings) -> Vec<String> {
    let problems = check(attribute, &settings).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.key).collect()
}

#[test]
fn a_hedge_waits_for_a_quantile_or_a_duration() {
    let after =
        |text: &str| Hedge::from_settings(&Settings::new().with("after", text)).map(|hedge| hedge.after);
    assert_eq!(after("p95"), Ok(HedgeAfter::Quantile(950)));
    assert_eq!(after("p99.9"), Ok(HedgeAfter::Quantile(999)));
    assert_eq!(after("50ms"), Ok(HedgeAfter::Delay(Duration::from_millis(50))));
    for text in ["p", "p100", "p9", "p99.99", "p-1", "95", "0ms", "p6553600", ""] {
        assert_eq!(after(text).unwrap_err()[0].key, "after", "{text:?}");
    }
}

#[test]
fn a_hedges_budget_is_a_share_or_off() {
    let budget = |value: crate::settings::Value| {
        Hedge::from_settings(&Settings::new().with("budget", value)).map(|hedge| hedge.budget)
    };
    assert_eq!(budget(0.25.into()), Ok(Some(250)));
    assert_eq!(budget("off".into()), Ok(None));
    assert!(budget("of".into()).unwrap_err()[0].message.contains("\"off\""));
    assert!(budget(0.into()).is_err());
}

#[test]
fn an_interval_of_shedding_is_never_shorter_than_its_target() {
    let settings = Settings::new().with("target_delay", "1s");
    assert_eq!(Shed::from_settings(&settings).unwrap().interval, seconds(1));
    assert_eq!(wrong("shed", settings.with("interval", "10ms")), ["interval"]);
}

#[test]
fn a_custom_backoff_passes_where_its_function_is_named() {
    assert_eq!(wrong("retry", Settings::new().with("strategy", "custom")), ["strategy"]);
    assert!(check("retry", &Settings::new().with("strategy", "custom").with("backoff", "mine")).is_ok());
}

#[test]
fn a_limit_may_name_what_a_call_costs() {
    let settings = Settings::new().with("requests", 10).with("per", "minute").with("cost", "weight");
    assert!(check("rate_limit", &settings).is_ok());
    assert_eq!(wrong("rate_limit", Settings::new().with("by", "usr")), ["requests", "per", "by"]);
}

#[test]
fn pools_and_throttles_are_checked_key_by_key() {
    let pool = Settings::new().with("name", "orders");
    assert!(check("bulkhead", &pool).is_ok());
    let full = pool.clone().with("capacity", "64MiB").with("kind", "memory").with("queue", 4);
    let full = full.with("max_wait", "2s").with("discipline", "adaptive_lifo");
    assert!(check("bulkhead", &full.with("mode", "observe").with("on_unavailable", "allow")).is_ok());
    assert_eq!(
        wrong("bulkhead", pool.clone().with("capacity", 0).with("kind", "cpus")),
        ["kind", "capacity"]
    );
    assert!(check("bulkhead", &pool.clone().with("adaptive", "vegas")).is_ok());
    let priority = pool.clone().with("priority", "background").with("preempt", true);
    assert!(check("bulkhead_priority", &priority).is_ok());
    assert_eq!(wrong("bulkhead_priority", pool.with("priority", "urgent")), ["priority"]);
    assert_eq!(wrong("throttle", Settings::new()), ["max_concurrent"]);
    let throttle = Settings::new().with("max_concurrent", 5).with("queue", 10).with("max_wait", "1s");
    assert!(check("throttle", &throttle).is_ok());
}
