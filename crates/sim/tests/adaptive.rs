//! What is learned against what is fixed: each scenario of `scenarios/beyond` shows one of them.

use steadfast_sim::engine::{Report, Verdict, run};
use steadfast_sim::scenario::Document;

fn report(name: &str, text: &str) -> Report {
    let scenario = Document::parse(name, text.as_bytes()).unwrap().scenario().unwrap();
    run(&scenario, scenario.seed).unwrap()
}

fn holds(report: &Report) {
    let failed: Vec<_> = report.expect.iter().filter(|expected| !expected.ok).collect();
    let broken: Vec<_> = report.invariants.iter().filter(|invariant| !invariant.ok).collect();
    assert!(failed.is_empty() && broken.is_empty(), "{failed:#?}\n{broken:#?}");
    assert_eq!(report.verdict, Verdict::Pass);
}

#[test]
fn a_learned_hedge_cuts_the_tail_of_a_service_that_became_slower_and_a_fixed_one_does_not() {
    holds(&report("hedged-tail", include_str!("../scenarios/beyond/hedged-tail.toml")));
}
