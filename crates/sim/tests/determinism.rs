//! One scenario and one seed are one log, to the byte: in two runs, in another process, and however many seeds run side
//! by side. Each bundled scenario is cut to its first seconds here.
//!
//! Whole runs are held by the digests in `bundled.rs`, which are the same for every build:
//! `cargo test -p steadfast-sim --test bundled` without optimisation, and with `--release` with it, where the five
//! longest run too.

use std::process::Command;

use serde_json::Value;
use steadfast_sim::engine::run;
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::Document;

/// What an unoptimised build runs in a moment.
fn cut(name: &str) -> &'static str {
    match name {
        "linear-retry" => "100ms",
        "hot-key" | "mailbox-full" => "300ms",
        _ => "1s",
    }
}

fn in_this_process(name: &str, text: &str) -> String {
    let mut document = Document::parse(name, text.as_bytes()).unwrap();
    document.set("duration", cut(name)).unwrap();
    document.set("expect", "[]").unwrap();
    run(&document.scenario().unwrap(), 1).unwrap().digest
}

fn in_another_process(arguments: &[&str], name: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_steadfast-sim"))
        .args(arguments)
        .args([name, "--json", "--set", &format!("duration={}", cut(name)), "--set", "expect=[]"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_bundled_scenario_gives_one_log_in_two_runs_and_in_two_processes() {
    for bundled in BUNDLED {
        let first = in_this_process(bundled.name, bundled.text);
        assert_eq!(in_this_process(bundled.name, bundled.text), first, "{} in two runs", bundled.name);
        let other = in_another_process(&["run", "--seed", "1"], bundled.name);
        assert_eq!(other["digest"], first.as_str(), "{} in two processes", bundled.name);
        assert!(other["events"].as_u64().unwrap() > 1, "{} logged nothing", bundled.name);
    }
}

#[test]
fn every_bundled_scenario_gives_the_same_logs_one_by_one_and_two_at_a_time() {
    for bundled in BUNDLED {
        let swarm = |jobs: &str| {
            in_another_process(&["swarm", "--seeds", "1..3", "--jobs", jobs], bundled.name)["digest"].clone()
        };
        let one_by_one = swarm("1");
        assert!(one_by_one.as_str().is_some_and(|digest| digest.len() == 64), "{one_by_one}");
        assert_eq!(swarm("2"), one_by_one, "{}", bundled.name);
    }
}

#[test]
fn another_seed_is_another_log() {
    let text = BUNDLED.iter().find(|bundled| bundled.name == "swizzle").unwrap().text;
    let scenario = Document::parse("swizzle", text.as_bytes()).unwrap().scenario().unwrap();
    let mut short = scenario.clone();
    short.duration = 1_000_000_000;
    assert_ne!(run(&short, 1).unwrap().digest, run(&short, 2).unwrap().digest);
}
