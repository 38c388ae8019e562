use super::*;
use crate::fixture::{parsed, scenario};
use crate::scenario::{FaultKind, Model, Scenario};

const REST: &str = r#"
[[variant]]
name = "bare"
[[variant]]
name = "guarded"
extends = "bare"
[[load]]
handler = "checkout"
stages = [{ for = "50s", rate = "1000/s" }, { for = "50s", rate = "1000/s", to = "2000/s" }]
[[load]]
handler = "checkout"
stages = [{ for = "100s", rate = "1000/s" }]
[[fault]]
at = "10s"
for = "30s"
target = "service:db"
kind = "hang"
[[fault]]
at = "20s"
for = "30s"
target = "link:app->db"
kind = "hold"
[[fault]]
at = "30s"
target = "link:app->db"
kind = "partition"
"#;

fn large() -> Document {
    parsed(&scenario("100s", "servers = 3\nlatency = \"10ms\"", REST))
}

/// A bug that needs a hold of at least 3 s under at least 40 requests a second, in a run of 12 s.
fn bug(scenario: &Scenario) -> bool {
    let held = scenario
        .faults
        .iter()
        .any(|fault| fault.kind == FaultKind::Hold && fault.lasts.is_none_or(|lasts| lasts >= 3_000_000_000));
    let loaded = scenario.loads.iter().any(|load| match &load.model {
        Model::Open { stages, .. } => stages[0].rate >= 40.0,
        _ => false,
    });
    held && loaded && scenario.duration >= 12_000_000_000
}

#[test]
fn what_comes_out_still_fails_and_is_at_most_twice_what_is_needed() {
    let shrunk = shrink(&large(), |document| bug(&document.scenario().unwrap()));
    let scenario = shrunk.document.scenario().unwrap();
    assert!(bug(&scenario));
    assert_eq!((scenario.faults.len(), scenario.loads.len(), scenario.variants.len()), (1, 1, 1));
    assert!(scenario.faults[0].lasts.unwrap() <= 6_000_000_000, "{:?}", scenario.faults);
    assert!(scenario.duration <= 24_000_000_000);
    let Model::Open { stages, .. } = &scenario.loads[0].model else { panic!("the load is open") };
    assert!(stages[0].rate <= 80.0, "{stages:?}");
}

#[test]
fn shrinking_ends_where_nothing_can_be_taken_away() {
    let shrunk = shrink(&large(), |_| false);
    assert_eq!(shrunk.document.to_toml(), large().to_toml());
    assert!(shrunk.runs > 10);
}

#[test]
fn shrinking_ends_where_everything_can_be_taken_away() {
    let shrunk = shrink(&large(), |_| true);
    assert!(shrunk.document.scenario().unwrap().faults.is_empty());
    assert!(shrunk.runs < MOST_RUNS, "{}", shrunk.runs);
}
