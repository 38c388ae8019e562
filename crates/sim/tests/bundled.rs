//! Every bundled scenario holds what it says, and its run is the pinned one, to the byte of its event log.

use steadfast_sim::engine::{Report, Verdict, run};
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::Document;

/// Every bundled scenario and the digest of its event log with its own seed. It is the same in every process and every
/// build; who changes what is logged, or when anything happens, pins it anew and says why.
const PINNED: [(&str, &str); 20] = [
    ("retry-metastable", "a2db22253ca2897042d96f9a87d58c021b11cba95d550ca9653f050d07d76b98"),
    ("congestive-collapse", "bd72eec5829985a298705af63e01ed90df41433452eb5afc9351144f2e2b196d"),
    ("linear-retry", "b9bffe3a13e13720a2446ddb369e2142c04e6bd9683010f0a084a65537886f71"),
    ("layer-amplification", "f77e53bf28ae36be56c93c5296fe02e747976cd67f158ddb74a9dbdad802cc74"),
    ("hung-dependency", "48e17e80b9add1a806719dba588a57ba756a36ab2625e71497038b4539e58af8"),
    ("partial-outage", "de4290945524bf4bc1b211631ac41da1431e8c2a50d0a4d9738c063fb25016d6"),
    ("half-open-wedge", "cf241e451770e57b9db6f19067717bd9e9a2af8230437496ea7206c2f6b71cd8"),
    ("thundering-herd", "1e9352b7402ca862c94c725c3c9b0027e55ae6c96783c0f496ed08ef7ae01152"),
    ("slow-drip", "9958003ae6d7f0da8480f4e27aa5077bea363b4bf4869f0ee06e3b0a13ddcaae"),
    ("cascading-timeout", "2e5cc31d0617e6ca36b293830229e78d25b770540c0aaaf02da682d7f7d2372b"),
    ("priority-overload", "1a7e86274b7be9ee22609eefacee869ad16be7bcce103087e840a7c1cabf995e"),
    ("overload-3x", "59bb29976d06071f272ca73bee188861f4ae87b42f46483895d13817c9cfe490"),
    ("asymmetric-partition", "d2b0cc7863135716269d26956f114217882df3e53d06fc81dc0068b2242fd471"),
    ("crash-between", "6e45260d0be10f819c5a118935ab0596f000ab6f11dce8d264a9d95993794460"),
    ("poison-key", "2cfad1986c2137f0db4737e4712bdf1dc42b610784b11e73a60da36a4a044197"),
    ("restart-storm", "5158d7fdb4b072afeca8fc9bd4a7e190fdfb87e0a2e9cd6de8fe1169d9f582a8"),
    ("hot-key", "e3443cc7e8afaebbe4d3d757824cf8243e04b0d14c02695a0aa0851f7ece7902"),
    ("clock-jump", "f7200da7dda33172352b4cfef7e434eb344025e428501fc7d6f7b07cebc019e4"),
    ("mailbox-full", "dbcdf74a7b6b47b946009dd1f0479e82ef796fb18a71413f9038eecc6220c3a4"),
    ("swizzle", "86764d9592f71e31b13d024d21ca2b462504be71f50e7fe484c70cc1eeb878ee"),
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
