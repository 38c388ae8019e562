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

#[test]
fn a_learned_timeout_follows_a_service_that_became_slower_and_cuts_what_hangs() {
    holds(&report("learned-timeout", include_str!("../scenarios/beyond/learned-timeout.toml")));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn a_limit_that_is_found_gives_as_many_answers_as_a_fixed_one_in_a_fraction_of_the_time() {
    holds(&report("found-limit", include_str!("../scenarios/beyond/found-limit.toml")));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn what_is_shed_early_does_not_wait_in_vain_and_the_lowest_class_goes_first() {
    holds(&report("shed-early", include_str!("../scenarios/beyond/shed-early.toml")));
}
