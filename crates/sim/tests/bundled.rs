//! Every bundled scenario holds what it says, and its run is the pinned one, to the byte of its event log.

use steadfast_sim::engine::{Report, Verdict, run};
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::Document;

/// Every bundled scenario and the digest of its event log with its own seed. It is the same in every process and every
/// build; who changes what is logged, or when anything happens, pins it anew and says why.
const PINNED: [(&str, &str); 20] = [
    ("retry-metastable", "1179871aca13c279adaa5cc7aa30f23f81ad3cff5ee0ce75f203d188f3667d1c"),
    ("congestive-collapse", "bd72eec5829985a298705af63e01ed90df41433452eb5afc9351144f2e2b196d"),
    ("linear-retry", "88588b7716827a734a30a138a44e55be8df113bcdf42788f376199e39c107a0b"),
    ("layer-amplification", "72c4859a50f6461fabc5126de92c4f241cebf957d4ce88b9929f7a92f7548364"),
    ("hung-dependency", "3d3d4098fbba02fa0b47be57cd1bc86121fd76b139ee4ba58dfe72a06660f64c"),
    ("partial-outage", "942dfb45100eb0e5592701824ce9687a31f5b7cd3d2e4282a31a03b3c6dff53b"),
    ("half-open-wedge", "82da772fe5260e4e07803abdaa041393e75226f3c10055e5eac7197ec85f4576"),
    ("thundering-herd", "f7981b164a516d7459f9b8ac044c07a3f881241c602f677567a575dec71cc701"),
    ("slow-drip", "9958003ae6d7f0da8480f4e27aa5077bea363b4bf4869f0ee06e3b0a13ddcaae"),
    ("cascading-timeout", "9df25f51919c80e1a9b8ed8d52f943975d77b105666745eda50f63cce1b7ac3c"),
    ("priority-overload", "1a7e86274b7be9ee22609eefacee869ad16be7bcce103087e840a7c1cabf995e"),
    ("overload-3x", "59bb29976d06071f272ca73bee188861f4ae87b42f46483895d13817c9cfe490"),
    ("asymmetric-partition", "c06071512fe22d9e4563d35961f3b02d353f6572c100c16722556807125c0855"),
    ("crash-between", "8d1dd76cfba84c328f5ca4b4a0ebafee1871ab5ffaed75aaa7a3db20a72b34b8"),
    ("poison-key", "ff9b0893040265f9724f42ecbae9e733975db7ffcd0d9d1b4e775bd0e4a21217"),
    ("restart-storm", "ec88fc9fa63e58ce325f662b77e41f705fff837c695f53a31d6283f70a78e681"),
    ("hot-key", "e3443cc7e8afaebbe4d3d757824cf8243e04b0d14c02695a0aa0851f7ece7902"),
    ("clock-jump", "459d67c5b29b146b1c1d4de2119890015a204ac6a658683776ec7da6a363c4c5"),
    ("mailbox-full", "c296e3971b449045930d7522227593ba84ce22a6d45a86ee8c86db2e22464270"),
    ("swizzle", "111d39d8aa8815125c144389cc0faba6d64cd444848629d56916c16ac58ef016"),
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
    let pinned = PINNED.iter().find(|(known, _)| *known == name).map(|(_, digest)| *digest);
    assert_eq!(Some(report.digest.as_str()), pinned, "the run is another than the pinned one");
}

#[test]
fn every_bundled_scenario_is_tested_here() {
    let bundled: Vec<&str> = BUNDLED.iter().map(|bundled| bundled.name).collect();
    let pinned: Vec<&str> = PINNED.iter().map(|(name, _)| *name).collect();
    assert_eq!(bundled, pinned);
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
