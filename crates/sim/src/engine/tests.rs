use super::*;
use crate::program::BUNDLED;
use crate::scenario::{Document, Scenario};

fn bundled(name: &str) -> Scenario {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == name).unwrap();
    Document::parse(bundled.name, bundled.text.as_bytes()).unwrap().scenario().unwrap()
}

fn variant(scenario: &Scenario, name: &str) -> Report {
    let options = RunOptions { variant: Some(name.to_owned()), ..RunOptions::default() };
    run_with(scenario, options).unwrap()
}

#[test]
fn a_bare_retry_keeps_a_healed_database_down_for_ever_and_two_runs_of_it_are_the_same() {
    let mut scenario = bundled("retry-metastable");
    scenario.expectations.retain(|expected| expected.over.is_none_or(|(_, to)| to <= 60_000_000_000));
    scenario.duration = 60_000_000_000;
    let report = variant(&scenario, "bare");
    let late = &report.variants[0].series[50..];
    assert!(late.iter().all(|second| second.goodput == 0), "{late:?}");
    let attempts: u64 = late.iter().map(|second| second.attempts).sum();
    assert!((540..=580).contains(&(attempts / 10)), "{attempts}");
    assert_eq!(variant(&scenario, "bare").digest, report.digest);
    scenario.seed = 2;
    assert_ne!(variant(&scenario, "bare").digest, report.digest);
}

#[test]
fn a_breaker_brings_the_healed_database_back() {
    let report = variant(&bundled("retry-metastable"), "guarded");
    assert!(report.expect.iter().all(|expected| expected.ok), "{:#?}", report.expect);
    assert!(report.variants[0].transitions["db"] >= 3);
}
