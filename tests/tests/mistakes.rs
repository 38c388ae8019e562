//! What a person reads who writes an attribute wrongly. The wording of rustc's own part changes from one release to
//! the next, so this is held by the toolchain that it was written with.

use std::process::Command;

/// The toolchain whose words stand in the `.stderr` files.
const TOOLCHAIN: &str = "rustc 1.95.";

#[test]
fn every_mistake_is_told_at_its_place_with_the_way_out() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    if !version.starts_with(TOOLCHAIN) {
        eprintln!("left out: the messages are those of {TOOLCHAIN}, and this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/**/*.rs");
}
