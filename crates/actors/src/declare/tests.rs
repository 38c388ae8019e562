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
