//! `docs/semantics-outer.md` names no test that does not exist.

use std::fs;
use std::path::{Path, PathBuf};

const PLACES: [(&str, &str); 4] = [
    ("O/", "tests/tests/semantics_outer"),
    ("A/", "crates/actors/src"),
    ("R/", "crates/runtime/src"),
    ("H/", "crates/runtime/tests/http"),
];

/// The text of a module: its file, and every file of its folder.
fn text(module: &Path) -> String {
    let mut text = fs::read_to_string(module.with_extension("rs")).unwrap_or_default();
    for entry in fs::read_dir(module).into_iter().flatten().flatten() {
        text += &self::text(&entry.path().with_extension(""));
    }
    text
}

#[test]
fn every_test_that_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = fs::read_to_string(root.join("docs/semantics-outer.md")).unwrap();
    let named: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    let found = |place: PathBuf, test: &str| {
        let text = text(&place);
        text.contains(&format!("fn {test}()")) || text.contains(&format!("fn {test}("))
    };
    let (mut known, mut missing) = (0, Vec::new());
    for name in named {
        let place = PLACES.iter().find_map(|(short, place)| Some((name.strip_prefix(short)?, place)));
        let exists = match (place, name.strip_prefix("U/")) {
            (Some((rest, place)), _) if rest.contains("::") => {
                let (module, test) = rest.split_once("::").unwrap();
                found(root.join(place).join(module), test)
            }
            (_, Some(rest)) if !rest.is_empty() => root.join(format!("tests/ui/{rest}.rs")).exists(),
            _ => continue,
        };
        known += 1;
        if !exists {
            missing.push(name);
        }
    }
    assert!(known > 100, "only {known} tests were read of the table");
    assert!(missing.is_empty(), "{missing:#?}");
}
