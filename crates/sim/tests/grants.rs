//! Grants on and off take the same decisions in every bundled scenario: what actors grant in advance is what they decide.
//!
//! Without optimisation only the short ones run; `cargo test --release -p steadfast-sim --test grants` runs all twenty.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use steadfast::Grants;
use steadfast_sim::engine::{RunOptions, run_with};
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::{Document, Scenario};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The event log of one run.
fn log(scenario: &Scenario, grants: Grants) -> String {
    let mut scenario = scenario.clone();
    for variant in &mut scenario.variants {
        variant.runtime.grants = Some(grants);
    }
    let lines = Lines::default();
    let mut options = RunOptions::default();
    options.log = Some(Box::new(lines.clone()));
    run_with(&scenario, options).unwrap();
    String::from_utf8(std::mem::take(&mut *lines.0.lock().unwrap())).unwrap()
}

/// What was decided for whom and by whom, and what became of each actor; `when` it was, or not.
fn decided(log: &str, when: bool) -> BTreeMap<String, Vec<String>> {
    let mut decided: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut variant = String::new();
    for line in log.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let kind = line["kind"].as_str().unwrap().to_owned();
        if kind == "begins" {
            variant = line["actor"].to_string();
        }
        if ["decision", "transition", "crash", "restart", "escalation", "answer"].contains(&kind.as_str()) {
            let whose = format!("{variant} {} {} {}", line["actor"], line["call"], line["request"]);
            let fields = line.as_object_mut().unwrap();
            fields.remove("n");
            if !when {
                fields.remove("t");
            }
            decided.entry(whose).or_default().push(line.to_string());
        }
    }
    decided
}

fn decides_alike(name: &str) {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == name).unwrap();
    let scenario = Document::parse(name, bundled.text.as_bytes()).unwrap().scenario().unwrap();
    let (on, off) = (log(&scenario, Grants::On), log(&scenario, Grants::Off));
    // Who is granted something in advance goes on at once, and who asks lets others go first that woke in the same
    // nanosecond: so what falls into one may stand in another order, of different calls.
    if on == off || decided(&on, true) == decided(&off, true) {
        return;
    }
    // An actor that is being restarted answers nobody meanwhile, and who needs no answer does not wait for it: then, and
    // only then, the same is decided some milliseconds earlier.
    let has = |what: &str| on.contains(what);
    let (restarts, fills) = (has("\"kind\":\"restart\""), has("its mailbox is full"));
    assert!(restarts || fills, "{name} differs in more than what waited for a restart");
    let (on, off) = (decided(&on, false), decided(&off, false));
    assert!(on.len() > 100, "{name}: little was decided");
    let mut by_word = 0;
    for (whose, decisions) in &off {
        let granted = on.get(whose);
        if fills && granted.is_some_and(|granted| is_refused_by_word(granted, decisions)) {
            by_word += 1;
        } else {
            assert_eq!(granted, Some(decisions), "{name}: {whose}");
        }
    }
    // Each is written of as a decision and as an answer; the next place that comes free ends it.
    assert!(by_word <= 20, "{name}: {by_word} differ");
    assert_eq!(on.len(), off.len(), "{name}");
}

/// Whether one was refused for want of room, as the pool had said before its mailbox filled up, whose ask would have found
/// that mailbox full.
fn is_refused_by_word(granted: &[String], asked: &[String]) -> bool {
    let [granted, asked] = [granted, asked].map(|lines| lines.last().map_or("", String::as_str));
    let decision = granted.contains("every permit is out and its queue is full")
        && asked.contains("its mailbox is full");
    let answer = granted.contains("\"ending\":\"full\"") && asked.contains("\"ending\":\"unavailable\"");
    decision || answer
}

macro_rules! scenarios {
    ($($test:ident, $name:literal;)*) => {
        $(#[test]
        fn $test() {
            decides_alike($name);
        })*
    };
}

/// Those that take minutes without optimisation.
macro_rules! long_scenarios {
    ($($test:ident, $name:literal;)*) => {
        $(#[test]
        #[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
        fn $test() {
            decides_alike($name);
        })*

        #[test]
        fn every_bundled_scenario_is_tested_here() {
            let long = [$($name),*];
            assert_eq!(long.len() + SHORT, BUNDLED.len());
        }
    };
}

const SHORT: usize = 6;

scenarios! {
    half_open_wedge_decides_alike, "half-open-wedge";
    cascading_timeout_decides_alike, "cascading-timeout";
    asymmetric_partition_decides_alike, "asymmetric-partition";
    crash_between_decides_alike, "crash-between";
    clock_jump_decides_alike, "clock-jump";
    swizzle_decides_alike, "swizzle";
}

long_scenarios! {
    retry_metastable_decides_alike, "retry-metastable";
    congestive_collapse_decides_alike, "congestive-collapse";
    linear_retry_decides_alike, "linear-retry";
    layer_amplification_decides_alike, "layer-amplification";
    hung_dependency_decides_alike, "hung-dependency";
    partial_outage_decides_alike, "partial-outage";
    thundering_herd_decides_alike, "thundering-herd";
    slow_drip_decides_alike, "slow-drip";
    priority_overload_decides_alike, "priority-overload";
    overload_3x_decides_alike, "overload-3x";
    poison_key_decides_alike, "poison-key";
    restart_storm_decides_alike, "restart-storm";
    hot_key_decides_alike, "hot-key";
    mailbox_full_decides_alike, "mailbox-full";
}
