use super::*;
use crate::fixture::{Temporary, scenario};

fn program(arguments: &[&str]) -> (Exit, String, String) {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let exit = run(&arguments, &mut out, &mut errors);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

#[test]
fn every_bundled_scenario_is_good_and_goes_by_its_own_name() {
    for bundled in BUNDLED {
        let document = Document::parse(bundled.name, bundled.text.as_bytes()).unwrap();
        let scenario = document.scenario().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, bundled.name);
        assert!(!scenario.expectations.is_empty(), "{} expects nothing", bundled.name);
        assert!(!scenario.sometimes.is_empty(), "{} could test nothing", bundled.name);
        assert!(!scenario.about.is_empty(), "{} says nothing", bundled.name);
    }
}

#[test]
fn a_list_has_one_line_for_each_bundled_scenario() {
    let (exit, out, _) = program(&["list"]);
    assert_eq!((exit, out.lines().count()), (Exit::Held, BUNDLED.len()));
    assert!(out.starts_with("retry-metastable      a 10 s outage"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn a_scenario_is_explained_in_words_with_what_was_set() {
    for bundled in BUNDLED {
        let (_, out, _) = program(&["explain", bundled.name]);
        let narrow = out.lines().all(|line| line.chars().count() <= 80);
        assert!(narrow, "{out}");
    }
    let (_, help, _) = program(&["help"]);
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    let (exit, out, errors) = program(&["explain", "retry-metastable", "--set", "service.db.servers=7"]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""));
    assert!(out.contains("db: 7 servers, 100ms, fifo queue"), "{out}");
    assert!(out.contains("at 20s for 10s: link:app->db hold"), "{out}");
    let breaker = out.find("checkout: circuit_breaker").unwrap();
    assert!(out.find("checkout: retry").unwrap() < breaker, "the outermost comes first");
}

#[test]
fn wrong_arguments_exit_with_2_and_the_nearest_word() {
    for (arguments, meant) in [
        (&["explian", "x"][..], "did you mean explain?"),
        (&["explain"], "write which FILE"),
        (&["explain", "retry-metastabel"], "did you mean retry-metastable?"),
        (&["explain", "retry-metastable", "--ste", "a=1"], "did you mean --set?"),
        (&["explain", "retry-metastable", "more"], "one argument too many"),
        (&["explain", "retry-metastable", "--set"], "--set needs a value"),
        (&["explain", "retry-metastable", "--set", "duration"], "write it as in"),
        (&["explain", "/no/such/file.toml"], "cannot be read"),
        (&["run", "swizzle", "--variant", "gaurded"], "did you mean guarded?"),
        (&[], "write what to do"),
    ] {
        let (exit, out, errors) = program(arguments);
        assert_eq!((exit, out.as_str()), (Exit::Wrong, ""), "{arguments:?}");
        assert!(errors.contains(meant), "{arguments:?}: {errors}");
    }
}

const REST: &str = r#"
[[variant]]
name = "bare"
[variant.checkout]
timeout = { per_attempt = "500ms" }
[[load]]
handler = "checkout"
stages = [{ for = "4s", rate = "20/s" }]
[[fault]]
at = "1s"
for = "100ms"
target = "service:db"
kind = "hang"
[[expect]]
variant = "bare"
metric = "success_ratio"
min = 0.5
"#;

fn text() -> String {
    scenario("4s", "servers = 5\nlatency = \"20ms\"", REST)
}

fn small(directory: &Temporary) -> String {
    let path = directory.0.join("small.toml");
    std::fs::write(&path, text()).unwrap();
    path.display().to_string()
}

#[test]
fn a_run_prints_a_table_of_80_columns_or_one_object() {
    let directory = Temporary::new("run");
    let file = small(&directory);
    let (exit, out, errors) = program(&["run", &file]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""));
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains("pass: 1 of 1 expectations held"), "{out}");
    let (_, out, _) = program(&["run", &file, "--json", "--seed", "9"]);
    let run: serde_json::Value = serde_json::from_str(&out).unwrap();
    for key in [
        "scenario",
        "seed",
        "digest",
        "verdict",
        "wall_ms",
        "virtual_s",
        "cost",
        "events",
        "variants",
        "expect",
        "invariants",
    ] {
        assert!(!run[key].is_null(), "{key} is missing");
    }
    assert_eq!((run["seed"].as_u64(), run["verdict"].as_str()), (Some(9), Some("pass")));
    for key in [
        "name",
        "offered",
        "goodput_per_s",
        "attempts",
        "success_ratio",
        "degraded",
        "rejected",
        "latency_ms",
        "executions",
        "transitions",
        "series",
    ] {
        assert!(!run["variants"][0][key].is_null(), "{key} is missing");
    }
}

#[test]
fn what_did_not_hold_exits_with_1_and_prints_the_line_that_replays_it() {
    let directory = Temporary::new("fail");
    let file = small(&directory);
    let (exit, out, _) = program(&["run", &file, "--set", "expect.0.min=1.0", "--set", "fault.0.for=1s"]);
    assert_eq!(exit, Exit::Failed);
    assert!(out.contains("FAILED  bare: success_ratio is 0."), "{out}");
    let replay =
        format!("replay: steadfast-sim run {file} --seed 1 --set 'expect.0.min=1.0' --set 'fault.0.for=1s'");
    assert!(out.contains(&replay), "{out}");
}

#[test]
fn a_matrix_gives_one_run_for_each_combination() {
    let directory = Temporary::new("matrix");
    let path = directory.0.join("matrix.toml");
    std::fs::write(&path, text() + "[matrix]\n\"service.db.servers\" = [1, 2]\n").unwrap();
    let (exit, out, _) = program(&["run", &path.display().to_string(), "--json"]);
    let runs: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, runs["runs"].as_array().map(Vec::len)), (Exit::Held, Some(2)));
    assert_ne!(runs["runs"][0]["digest"], runs["runs"][1]["digest"]);
}

#[test]
fn a_directory_replays_to_the_same_digest_and_a_changed_one_is_not_deterministic() {
    let directory = Temporary::new("replay");
    let file = small(&directory);
    let (one, other) = (directory.0.join("one"), directory.0.join("other"));
    let (one, other) = (one.display().to_string(), other.display().to_string());
    assert_eq!(program(&["run", &file, "--out", &one, "--seed", "3"]).0, Exit::Held);
    assert_eq!(program(&["run", &file, "--out", &other, "--seed", "4"]).0, Exit::Held);
    let (exit, out, errors) = program(&["replay", &one]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""), "{out}");
    assert_eq!(program(&["diff", &one, &one]).1, "the same events\n");
    let (exit, out, _) = program(&["diff", &one, &other]);
    assert_eq!(exit, Exit::Failed);
    assert!(out.starts_with("the logs differ from event 0 on"), "{out}");
    // The log of another seed under this scenario: what a run that is not deterministic looks like.
    for name in ["run.json", "events.jsonl"] {
        std::fs::copy(format!("{other}/{name}"), format!("{one}/{name}")).unwrap();
    }
    let (exit, out, _) = program(&["replay", &one]);
    assert_eq!(exit, Exit::NotDeterministic);
    assert!(out.contains("NOT DETERMINISTIC") && out.contains("the logs differ"), "{out}");
}

#[test]
fn a_swarm_runs_all_seeds_on_any_number_of_threads_with_the_same_result() {
    let directory = Temporary::new("swarm");
    let file = small(&directory);
    let args = [
        "swarm",
        &file,
        "--seeds",
        "0..6",
        "--json",
        "--set",
        "expect.0.min=1.0",
        "--set",
        "fault.0.for=1s",
        "--jobs",
    ];
    let mut results = Vec::new();
    for jobs in ["1", "3"] {
        let (exit, out, _) = program(&[&args[..], &[jobs]].concat());
        assert_eq!(exit, Exit::Failed);
        let mut summary: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(summary["ran"], 6);
        let first = &summary["failed"][0];
        let seed = first["seed"].as_u64().unwrap();
        let line = format!(
            "steadfast-sim swarm {file} --seeds {seed}..{} --set 'expect.0.min=1.0' --set 'fault.0.for=1s'",
            seed + 1
        );
        assert_eq!(first["replay"], line);
        summary["wall_ms"] = 0.into();
        results.push(summary);
    }
    assert_eq!(results[0], results[1]);
}

#[test]
fn a_failure_shrinks_to_a_smaller_file_that_still_fails() {
    let directory = Temporary::new("shrink");
    let (file, run, small_file) =
        (small(&directory), directory.0.join("run"), directory.0.join("shrunk.toml"));
    let (run, small_file) = (run.display().to_string(), small_file.display().to_string());
    let more = "{ at = \"2s\", for = \"10ms\", target = \"link:app->db\", kind = \"hold\" }";
    let faults =
        format!("fault=[{{ at = \"1s\", for = \"2s\", target = \"service:db\", kind = \"crash\" }}, {more}]");
    let (exit, _, errors) =
        program(&["run", &file, "--out", &run, "--set", &faults, "--set", "expect.0.min=0.99"]);
    assert_eq!((exit, errors.as_str()), (Exit::Failed, ""));
    let (exit, out, errors) = program(&["shrink", &run, "-o", &small_file]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""), "{out}");
    let shrunk = Document::read(Path::new(&small_file)).unwrap().scenario().unwrap();
    assert_eq!(shrunk.faults.len(), 1);
    assert!(shrunk.faults[0].lasts.unwrap() < 2_000_000_000);
    assert_eq!(program(&["run", &small_file]).0, Exit::Failed);
}

#[test]
fn what_was_never_reached_is_not_shrunk() {
    let directory = Temporary::new("unreached");
    let (file, run) = (small(&directory), directory.0.join("run").display().to_string());
    let sometimes = "sometimes=[{ variant = \"bare\", reached = \"event:lost\" }]";
    assert_eq!(program(&["run", &file, "--out", &run, "--set", sometimes]).0, Exit::Failed);
    let (exit, _, errors) = program(&["shrink", &run, "-o", "/no/where.toml"]);
    assert_eq!(exit, Exit::Wrong);
    assert!(errors.contains("a `sometimes` alone"), "{errors}");
}

#[test]
fn a_scenario_with_a_trace_replays_from_its_directory_alone() {
    let directory = Temporary::new("trace");
    let (file, out) = (directory.0.join("small.toml"), directory.0.join("out"));
    let open = "stages = [{ for = \"4s\", rate = \"20/s\" }]";
    assert!(text().contains(open));
    std::fs::write(&file, text().replace(open, "model = \"trace\"\nfile = \"arrivals.csv\"")).unwrap();
    std::fs::write(directory.0.join("arrivals.csv"), "0.5, anna\n0.6\n1.05, bob\n").unwrap();
    let (exit, text, errors) =
        program(&["run", &file.display().to_string(), "--out", &out.display().to_string()]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""), "{text}");
    std::fs::remove_file(directory.0.join("arrivals.csv")).unwrap();
    let (exit, text, errors) = program(&["replay", &out.display().to_string()]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""), "{text}");
    assert!(text.contains(" 3 "), "three requests arrived: {text}");
}
