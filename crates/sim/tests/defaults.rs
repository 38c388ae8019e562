//! The classical overloads and outages hold with the attributes as they are by default: what the bundled scenarios tune
//! is taken away here, and what they expect stays.

use steadfast_sim::engine::run;
use steadfast_sim::scenario::Document;

/// Runs a bundled scenario with each of `tuned` taken away from its guarded variant.
fn holds_untuned(name: &str, text: &str, tuned: &[(&str, &str)]) {
    let (before, guarded) = text.split_once("name = \"guarded\"").unwrap();
    let untuned = tuned.iter().fold(guarded.to_owned(), |guarded, (tuned, default)| {
        assert!(guarded.contains(tuned), "{name} does not say {tuned} any more");
        guarded.replace(tuned, default)
    });
    let text = format!("{before}name = \"guarded\"{untuned}");
    let scenario = Document::parse(name, text.as_bytes()).unwrap().scenario().unwrap();
    let report = run(&scenario, scenario.seed).unwrap();
    let failed: Vec<_> = report.expect.iter().filter(|expected| !expected.ok).collect();
    let broken: Vec<_> = report.invariants.iter().filter(|invariant| !invariant.ok).collect();
    assert!(failed.is_empty() && broken.is_empty(), "{failed:#?}\n{broken:#?}");
}

#[test]
fn priority_overload_holds_with_the_default_line() {
    holds_untuned(
        "priority-overload",
        include_str!("../scenarios/priority-overload.toml"),
        &[(", queue = 100", "")],
    );
}

#[test]
fn overload_3x_holds_with_the_default_line() {
    holds_untuned("overload-3x", include_str!("../scenarios/overload-3x.toml"), &[(", queue = 5", "")]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn slow_drip_holds_with_the_default_adaptive_timeout() {
    let tuned = "{ base_timeout = \"1s\", max_timeout = \"1s\" }";
    holds_untuned("slow-drip", include_str!("../scenarios/slow-drip.toml"), &[(tuned, "{}")]);
}

/// Its only figure, the share of the parent's time, has no default: a site must say it.
#[test]
fn cascading_timeout_holds_with_no_more_than_the_share_that_must_be_written() {
    holds_untuned("cascading-timeout", include_str!("../scenarios/cascading-timeout.toml"), &[]);
}

#[test]
fn partial_outage_holds_with_the_default_breaker() {
    let tuned = ", window = 100, failure_threshold = 10, failure_rate_threshold = 0.1, minimum_requests = 50";
    holds_untuned("partial-outage", include_str!("../scenarios/partial-outage.toml"), &[(tuned, "")]);
}

#[test]
fn thundering_herd_holds_with_the_default_breaker() {
    let tuned = ", recovery_timeout = \"1s\"";
    holds_untuned("thundering-herd", include_str!("../scenarios/thundering-herd.toml"), &[(tuned, "")]);
}
