//! The house keeps its shape: imports run one way, machines are pure, files stay short, only the clock reads a clock.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Every Rust file of the crates' sources, with its path from the root.
fn sources() -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten().map(|entry| entry.path()) {
            if entry.is_dir() {
                visit(&entry, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    for member in fs::read_dir(root().join("crates")).unwrap().flatten() {
        visit(&member.path().join("src"), &mut found);
    }
    found.sort();
    assert!(found.len() > 20, "the sources were not found");
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The workspace's own packages that `package` depends on, tests aside.
fn depends_on(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|found| found["name"] == package);
    let dependencies =
        package.map(|found| found["dependencies"].as_array().unwrap().clone()).unwrap_or_default();
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|name| name.starts_with("steadfast"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn imports_run_one_way() {
    let none = BTreeSet::new();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(depends_on("steadfast-actors"), none);
    assert!(depends_on("steadfast-macros").is_subset(&set(&["steadfast-actors"])));
    assert!(depends_on("steadfast").is_subset(&set(&["steadfast-actors", "steadfast-macros"])));
}

#[test]
fn machines_build_without_tokio_and_kameo() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "steadfast-actors", "--no-default-features", "--edges", "normal"])
        .args(["--prefix", "none", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("steadfast-actors"), "{}", String::from_utf8_lossy(&output.stderr));
    for forbidden in ["tokio ", "kameo ", "dashmap "] {
        assert!(!tree.lines().any(|line| line.starts_with(forbidden)), "{forbidden} in\n{tree}");
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn only_the_clock_reads_a_clock_or_the_systems_randomness() {
    let words = [
        "Instant::now(",
        "SystemTime::now(",
        "rand::rng(",
        "thread_rng(",
        "thread::sleep(",
        "RandomState::new(",
    ];
    let offenders: Vec<String> = sources()
        .into_iter()
        .filter(|(name, _)| !name.contains("actors/src/clock") && !name.contains("tests"))
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(name, _)| name)
        .collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[test]
fn every_primitives_folder_has_the_same_rooms() {
    for primitive in ["breaker", "bulkhead", "limiter", "idempotency"] {
        let folder = root().join("crates/actors/src").join(primitive);
        if !folder.exists() {
            continue;
        }
        for room in ["mod.rs", "config.rs", "machine.rs", "tests.rs"] {
            assert!(folder.join(room).exists(), "{primitive} has no {room}");
        }
    }
}
