//! A scenario that a planted bug makes fail is shrunk to at most twice the smallest that can show the bug.

use steadfast_sim::scenario::{Document, Model};
use steadfast_sim::shrink::shrink;

use crate::bugs::BUGS;
use crate::with_bug;

const LARGE: &str = r#"
schema = 1
name = "large"
duration = "8s"
[[service]]
name = "db"
servers = 10
latency = "20ms"
[[handler]]
name = "checkout"
calls = ["db"]
[[variant]]
name = "bare"
[[variant]]
name = "guarded"
[variant.checkout]
circuit_breaker = { name = "db", failure_threshold = 4, recovery_timeout = "1s", success_threshold = 1, slow_start = "0s" }
bulkhead = { name = "db", capacity = 10 }
[[load]]
handler = "checkout"
arrivals = "uniform"
stages = [{ for = "8s", rate = "32/s" }]
[[fault]]
at = "1s"
for = "2s"
target = "service:db"
kind = "errors"
errors = [{ kind = "unavailable", probability = 1.0 }]
[[fault]]
at = "4s"
for = "1s"
target = "link:app->db"
kind = "slow"
add = "10ms"
[[expect]]
variant = "guarded"
metric = "success_ratio"
min = 0.0
"#;

/// The smallest scenario in which an invariant still breaks.
fn shrunk(bug: &str) -> Document {
    let bug = BUGS.iter().find(|known| known.name == bug).unwrap();
    let document = Document::parse("large.toml", LARGE.as_bytes()).unwrap();
    let breaks = |document: &Document| {
        let report = with_bug(bug, &document.scenario().unwrap());
        report.is_some_and(|report| report.invariants.iter().any(|invariant| !invariant.ok))
    };
    assert!(breaks(&document));
    let shrunk = shrink(&document, breaks).document;
    assert!(breaks(&shrunk));
    shrunk
}

fn rate(document: &Document) -> f64 {
    let scenario = document.scenario().unwrap();
    match &scenario.loads[0].model {
        Model::Open { stages, .. } => stages[0].rate,
        _ => panic!("the load is open"),
    }
}

#[test]
fn a_permit_that_leaks_at_every_tenth_return_needs_ten_requests_and_no_fault() {
    let document = shrunk("permit-leaked-on-cancel");
    let scenario = document.scenario().unwrap();
    assert_eq!((scenario.faults.len(), scenario.loads.len()), (0, 1), "{}", document.to_toml());
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let requests = rate(&document) * scenario.duration as f64 / 1e9;
    assert!((9.0..=20.0).contains(&requests), "{requests} requests:\n{}", document.to_toml());
}

#[test]
fn a_transition_that_is_not_told_needs_one_outage_of_four_failures_and_a_second_to_recover() {
    let document = shrunk("transition-not-told");
    let scenario = document.scenario().unwrap();
    assert_eq!((scenario.faults.len(), scenario.variants.len()), (1, 1), "{}", document.to_toml());
    // Three intervals lie between four failures. The run has to outlast the fourth by the second that the breaker stays
    // open, and one answer more.
    let rate = rate(&document);
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let fault = &scenario.faults[0];
    assert!(seconds(fault.lasts.unwrap()) <= 2.0 * (3.0 / rate + 0.04), "{}", document.to_toml());
    let least = 3.0 / rate + 1.0 + 1.0 / rate + 0.04;
    assert!(seconds(scenario.duration) <= 2.0 * least, "{least} s:\n{}", document.to_toml());
}
