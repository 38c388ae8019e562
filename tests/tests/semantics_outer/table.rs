//! The tables of rules in `docs` name no test that does not exist.

use std::fs;
use std::path::{Path, PathBuf};

const PLACES: [(&str, &str); 6] = [
    ("O/", "tests/tests/semantics_outer"),
    ("S/", "tests/tests/semantics"),
    ("T/", "tests/tests"),
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
fn every_test_that_a_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tables = ["docs/semantics.md", "docs/semantics-outer.md"];
    let table = tables.map(|table| fs::read_to_string(root.join(table)).unwrap()).concat();
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
    assert!(known > 200, "only {known} tests were read of the tables");
    assert!(missing.is_empty(), "{missing:#?}");
}
