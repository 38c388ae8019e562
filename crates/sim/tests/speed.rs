//! What a run costs the machine: memory that does not grow with virtual time. How fast it is depends on the machine and is
//! printed, not asserted (`cost` in `--json`).

use std::process::Command;

use serde_json::Value;

/// Runs one variant of a file beside the benches, in a process of its own.
fn run(file: &str, variant: &str, sets: &[&str]) -> Value {
    let path = format!("{}/benches/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_steadfast-sim"));
    command.args(["run", &path, "--variant", variant, "--json"]);
    for set in sets {
        command.args(["--set", set]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation")]
fn the_memory_of_a_ten_minute_run_through_a_full_stack_stays_flat() {
    let report = run("speed-stack.toml", "full", &["duration=10m", "load.0.stages.0.for=10m"]);
    assert!(report["variants"][0]["offered"].as_u64() > Some(590_000));
    let resident = report["cost"]["resident_kib"].as_array().unwrap();
    let resident: Vec<u64> = resident.iter().map(|kib| kib.as_u64().unwrap()).collect();
    // Where the system does not tell it there is nothing to compare.
    let (Some(second), Some(last)) = (resident.get(1), resident.last()) else { return };
    // What is measured by the second grows by less than 200 KiB a minute; 480,000 requests that were kept would be 40 MiB
    // at 90 bytes each.
    assert!(*last <= second + 8 * 1_024, "KiB after each minute: {resident:?}");
    eprintln!("KiB after each minute: {resident:?}; {}", report["cost"]);
}
