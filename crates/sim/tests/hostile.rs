//! A hostile or wrong file is refused with its place, within 64 MiB of memory and little work, before anything runs.
//!
//! How long each takes is measured, not asserted, since that depends on the machine:
//! `cargo test --release -p steadfast-sim --test hostile -- --ignored --nocapture`

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a file may cost beside the program's own code and data.
const MOST_KIB: u64 = 64 * 1_024;

/// Seconds of processor time, whatever else the machine does. A tenth of one is what a release build may take.
const MOST_SECONDS: u64 = if cfg!(debug_assertions) { 5 } else { 1 };

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("steadfast-hostile-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn good() -> &'static str {
    include_str!("../scenarios/retry-metastable.toml")
}

/// Names of files, what stands in each, and a word that its refusal must hold.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let text = |text: String| text.into_bytes();
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}\na = {}1{}\n", good(), open.repeat(count), close.repeat(count))
    };
    let many = |line: fn(usize) -> String, count: usize| (0..count).map(line).collect::<String>();
    vec![
        ("lists.toml", text(nested("[", "]", 60_000)), "lists.toml:"),
        ("tables.toml", text(nested("{b=", "}", 30_000)), "tables.toml:"),
        ("dotted.toml", text(format!("{}b = 1\n", "a.".repeat(60_000))), "dotted.toml:1:"),
        ("headers.toml", text(format!("[{}b]\nx = 1\n", "a.".repeat(60_000))), "headers.toml:1:"),
        ("keys.toml", text(many(|key| format!("k{key} = 1\n"), 12_000)), "keys.toml:1:1"),
        ("long.toml", text(format!("a = \"{}\"\n", "x".repeat(120_000))), "long.toml:1:1"),
        (
            "services.toml",
            text(many(
                |n| format!("[[service]]\nname = \"s{n}\"\nservers = 1000000000\nlatency = \"1s\"\n"),
                1_800,
            )),
            "services.toml:",
        ),
        (
            "chain.toml",
            text(many(|n| format!("[[handler]]\nname = \"h{n}\"\ncalls = [\"h{}\"]\n", n + 1), 2_000)),
            "chain.toml:",
        ),
        ("servers.toml", text(good().replace("servers = 30", "servers = 1000000000")), "servers.toml:"),
        (
            "nan.toml",
            text(format!(
                "{}\n[[expect]]\nvariant = \"bare\"\nmetric = \"success_ratio\"\nmin = nan\n",
                good()
            )),
            "nan.toml:",
        ),
        ("unit.toml", text(good().replace("duration = \"120s\"", "duration = \"120\"")), "unit.toml:"),
        ("word.toml", text(good().replace("servers = 30", "sevrers = 30")), "did you mean `servers`?"),
        ("name.toml", text(good().replace("calls = [\"db\"]", "calls = [\"bd\"]")), "did you mean `db`?"),
        (
            "bytes.toml",
            (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
            "bytes.toml:",
        ),
    ]
}

/// Lets the program explain a file under limits of memory and processor time, which the system holds it to.
fn explained(path: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_steadfast-sim");
    let own = std::fs::metadata(program).unwrap().len() / 1_024;
    let limits =
        format!("ulimit -v {}; ulimit -t {MOST_SECONDS}; exec \"$0\" explain \"$1\"", MOST_KIB + own);
    Command::new("sh").arg("-c").arg(limits).arg(program).arg(path).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn every_hostile_file_is_refused_with_its_place_within_its_limits() {
    let folder = Folder::new("limits");
    for (name, bytes, told) in hostile() {
        let path = folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        let output = explained(&path);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {:?} {errors:.500}", output.status);
        assert!(errors.contains(told), "{name} does not say {told}: {errors:.500}");
        assert!(errors.len() < 64 * 1_024, "{name} says too much: {}", errors.len());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_100_gigabytes_is_not_read() {
    let folder = Folder::new("huge");
    let path = folder.0.join("huge.toml");
    let mut file = std::fs::File::create(&path).unwrap();
    // Nothing of it takes room on the disk.
    file.seek(SeekFrom::Start(100_000_000_000)).unwrap();
    file.write_all(b"a").unwrap();
    drop(file);
    let output = explained(&path);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("larger than"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_good_file_is_explained_within_the_same_limits() {
    let output = explained(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/retry-metastable.toml"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn print_how_long_each_takes() {
    let folder = Folder::new("times");
    for (name, bytes, _) in hostile() {
        let path = folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        let start = std::time::Instant::now();
        explained(&path);
        eprintln!("{name}: {:?}", start.elapsed());
    }
}
