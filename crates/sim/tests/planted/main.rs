//! The checks can fail: bugs are planted between the actors and their machines, or in what a pipeline is built from, and
//! the bundled scenarios catch them. Which case catches which stands in `docs/planted-bugs.md`, and is held here.
//!
//! * `cargo test -p steadfast-sim --test planted` runs each bug against the first case of its row that is not a long one.
//! * `cargo test --release -p steadfast-sim --test planted -- --ignored every_bug` runs every bug against every case.

mod bugs;
mod shrinking;
mod wrapper;

use std::sync::Arc;

use bugs::{BUGS, Bug, Plant};
use steadfast_actors::settings::Grants;
use steadfast_sim::engine::{Report, RunError, RunOptions, Verdict, run_with};
use steadfast_sim::program::BUNDLED;
use steadfast_sim::scenario::{Document, Scenario};

const LIST: &str = include_str!("../../../../docs/planted-bugs.md");

/// Runs the variants of a scenario that a bug can reach, with the bug in them, until one of them fails.
fn with_bug(bug: &Bug, scenario: &Scenario) -> Option<Report> {
    let reached = scenario.variants.iter().filter(|variant| {
        variant.policies.values().flatten().any(|policy| policy.attribute == bug.attribute)
    });
    // A value that contradicts the variant's others could not be planted there.
    let reports = reached.filter_map(|variant| one_variant(bug, scenario.clone(), &variant.name).ok());
    reports.into_iter().find(|report| report.verdict == Verdict::Fail)
}

fn one_variant(bug: &Bug, mut scenario: Scenario, variant: &str) -> Result<Report, RunError> {
    let mut options = RunOptions::default();
    options.variant = Some(variant.to_owned());
    match bug.plant {
        Plant::Machine(plant) => {
            options.build = Some(Arc::new(move |builder| {
                // Nothing passes beside the machines.
                let runtime = builder.grants(Grants::Off).build()?;
                runtime.ground().interpose(plant());
                Ok(runtime)
            }));
        }
        Plant::Setting(option, value) => {
            for policy in
                scenario.variants.iter_mut().flat_map(|variant| variant.policies.values_mut()).flatten()
            {
                if policy.attribute == bug.attribute {
                    policy.settings.insert(option, value());
                }
            }
        }
    }
    run_with(&scenario, options)
}

fn bundled(case: &str) -> Scenario {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == case);
    let text = bundled.unwrap_or_else(|| panic!("there is no bundled scenario {case}")).text;
    Document::parse(case, text.as_bytes()).unwrap().scenario().unwrap()
}

/// What was seen to be wrong.
fn seen(report: &Report) -> Vec<String> {
    let expected = report.expect.iter().filter(|expected| !expected.ok);
    let expected =
        expected.map(|expected| format!("{} {} {:?}", expected.variant, expected.metric, expected.value));
    let broken = report.invariants.iter().filter(|invariant| !invariant.ok);
    expected.chain(broken.map(|invariant| format!("{}: {}", invariant.name, invariant.detail))).collect()
}

/// The rows of the list: each bug, and the cases that catch it, the cheapest first.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = LIST.lines().filter(|line| line.starts_with("| `"));
    let ticked = |cell: &'static str| -> Vec<&'static str> { cell.split('`').skip(1).step_by(2).collect() };
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (ticked(cells[1])[0], ticked(cells[3]))
    })
    .collect()
}

#[test]
fn the_list_names_every_bug_and_at_least_18_of_at_least_20_are_caught_by_bundled_cases() {
    let rows = rows();
    let names: Vec<&str> = BUGS.iter().map(|bug| bug.name).collect();
    let listed: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, names);
    let caught = rows.iter().filter(|(_, cases)| !cases.is_empty()).count();
    assert!(names.len() >= 20 && caught >= 18, "{caught} of {}", names.len());
}

/// Cases that an unoptimised build takes minutes for.
const LONG: [&str; 7] = [
    "hot-key",
    "retry-metastable",
    "linear-retry",
    "congestive-collapse",
    "slow-drip",
    "mailbox-full",
    "layer-amplification",
];

fn is_caught(name: &str, case: &str) {
    let bug = BUGS.iter().find(|bug| bug.name == name).unwrap();
    assert!(
        with_bug(bug, &bundled(case)).is_some(),
        "{case} holds with {name}, and the list says it does not"
    );
}

#[test]
fn every_bug_of_the_list_is_caught_by_the_first_case_of_its_row() {
    for (name, cases) in rows() {
        if let Some(case) = cases.iter().find(|case| **case != "swarm" && !LONG.contains(case)) {
            is_caught(name, case);
        }
    }
}

#[test]
#[ignore = "takes minutes, also with optimisation"]
fn every_bug_of_the_list_is_caught_by_every_case_of_its_row() {
    for (name, cases) in rows() {
        cases.iter().filter(|case| **case != "swarm").for_each(|case| is_caught(name, case));
    }
}

/// Finds out what the list has to say: every bug against every case.
#[test]
#[ignore = "prints the list; takes long"]
fn print_which_case_catches_which() {
    let only = std::env::var("CASES").unwrap_or_default();
    for bundled_case in BUNDLED {
        if !only.is_empty() && !only.split(',').any(|case| case == bundled_case.name) {
            continue;
        }
        for bug in BUGS {
            if let Some(report) = with_bug(bug, &bundled(bundled_case.name)) {
                eprintln!(
                    "CAUGHT {} {} {} ms {:?}",
                    bug.name,
                    bundled_case.name,
                    report.wall_ms,
                    seen(&report)
                );
            }
        }
    }
}

/// A small scenario of every policy, with random faults.
fn stack(seed: u64) -> Document {
    Document::parse("stack.toml", include_bytes!("stack.toml")).unwrap().with_random_faults(seed).unwrap()
}

#[test]
fn without_a_bug_the_stack_holds_under_random_faults_of_every_family() {
    for seed in 0..SEEDS {
        let scenario = stack(seed).scenario().unwrap();
        let report = run_with(&scenario, RunOptions::default()).unwrap();
        let broken: Vec<String> =
            seen(&report).into_iter().filter(|seen| !seen.contains("reached")).collect();
        assert!(broken.is_empty(), "seed {seed}: {broken:#?}\n{}", stack(seed).to_toml());
    }
}

/// Seeds under which nothing but a bug may break anything.
const SEEDS: u64 = 20;

/// Seeds within which a bug that the list gives to the swarm shows.
const ENOUGH_SEEDS: u64 = 120;

#[test]
fn what_the_list_says_of_the_swarm_is_so() {
    for (name, cases) in rows().iter().filter(|(_, cases)| cases.contains(&"swarm")) {
        let bug = BUGS.iter().find(|bug| bug.name == *name).unwrap();
        let caught = (0..ENOUGH_SEEDS).find(|seed| {
            let report = with_bug(bug, &stack(*seed).scenario().unwrap());
            report.is_some_and(|report| report.invariants.iter().any(|invariant| !invariant.ok))
        });
        assert!(
            caught.is_some(),
            "{name} breaks no invariant under {ENOUGH_SEEDS} seeds, and {cases:?} says it does"
        );
    }
}

#[test]
#[ignore = "prints the list"]
fn print_what_the_swarm_catches() {
    for bug in BUGS {
        for seed in 0..ENOUGH_SEEDS {
            if let Some(report) = with_bug(bug, &stack(seed).scenario().unwrap())
                && report.invariants.iter().any(|invariant| !invariant.ok)
            {
                eprintln!("SWARM {} seed {seed} {} ms {:?}", bug.name, report.wall_ms, seen(&report));
                break;
            }
        }
    }
}
