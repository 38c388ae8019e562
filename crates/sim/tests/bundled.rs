//! Every bundled scenario holds what it says, and two runs of one seed are the same.

use steadfast_sim::engine::{Report, Verdict, run};
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::Document;

/// Bundled scenarios that have their test below.
const TESTED: [&str; 20] = [
    "retry-metastable",
    "congestive-collapse",
    "linear-retry",
    "layer-amplification",
    "hung-dependency",
    "partial-outage",
    "half-open-wedge",
    "thundering-herd",
    "slow-drip",
    "cascading-timeout",
    "priority-overload",
    "overload-3x",
    "asymmetric-partition",
    "crash-between",
    "poison-key",
    "restart-storm",
    "hot-key",
    "clock-jump",
    "mailbox-full",
    "swizzle",
];

fn run_bundled(name: &str) -> Report {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == name).unwrap();
    let scenario = Document::parse(name, bundled.text.as_bytes()).unwrap().scenario().unwrap();
    run(&scenario, scenario.seed).unwrap()
}

fn holds(name: &str) {
    let report = run_bundled(name);
    let failed: Vec<_> = report.expect.iter().filter(|expected| !expected.ok).collect();
    let broken: Vec<_> = report.invariants.iter().filter(|invariant| !invariant.ok).collect();
    assert!(failed.is_empty() && broken.is_empty(), "{failed:#?}\n{broken:#?}");
    assert_eq!(report.verdict, Verdict::Pass);
    assert_eq!(run_bundled(name).digest, report.digest);
}

#[test]
fn every_bundled_scenario_is_tested_here() {
    let bundled: Vec<&str> = BUNDLED.iter().map(|bundled| bundled.name).collect();
    assert_eq!(bundled, TESTED);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn retry_metastable_holds() {
    holds("retry-metastable");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn congestive_collapse_holds() {
    holds("congestive-collapse");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn linear_retry_holds() {
    holds("linear-retry");
}

#[test]
fn layer_amplification_holds() {
    holds("layer-amplification");
}

#[test]
fn hung_dependency_holds() {
    holds("hung-dependency");
}

#[test]
fn partial_outage_holds() {
    holds("partial-outage");
}

#[test]
fn half_open_wedge_holds() {
    holds("half-open-wedge");
}

#[test]
fn thundering_herd_holds() {
    holds("thundering-herd");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn slow_drip_holds() {
    holds("slow-drip");
}

#[test]
fn cascading_timeout_holds() {
    holds("cascading-timeout");
}

#[test]
fn priority_overload_holds() {
    holds("priority-overload");
}

#[test]
fn overload_3x_holds() {
    holds("overload-3x");
}

#[test]
fn asymmetric_partition_holds() {
    holds("asymmetric-partition");
}

#[test]
fn crash_between_holds() {
    holds("crash-between");
}

#[test]
fn poison_key_holds() {
    holds("poison-key");
}

#[test]
fn restart_storm_holds() {
    holds("restart-storm");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn hot_key_holds() {
    holds("hot-key");
}

#[test]
fn clock_jump_holds() {
    holds("clock-jump");
}

#[test]
fn mailbox_full_holds() {
    holds("mailbox-full");
}

#[test]
fn swizzle_holds() {
    holds("swizzle");
}
