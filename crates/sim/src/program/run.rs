use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::{self, Arguments};
use super::{Exit, open, table};
use crate::engine::{self, Report, RunOptions, Verdict};
use crate::output::Output;
use crate::scenario::{Combination, Document};

pub(super) const OPTIONS: [&str; 5] = ["--seed", "--variant", "--set", "--out", "--json!"];

/// What `--json` prints of a matrix.
#[derive(Serialize)]
struct Matrix<'a> {
    runs: &'a [Report],
}

/// `run FILE`
pub(crate) fn run(rest: &[String], out: &mut dyn Write) -> Result<Exit, String> {
    let mut arguments = Arguments::new(rest, &OPTIONS)?;
    let named = arguments.positional("FILE")?;
    let document = open(named, &arguments.all("--set"))?;
    let seed = arguments.number("--seed")?;
    let variant = arguments.last("--variant").map(str::to_owned);
    let directory = arguments.last("--out").map(PathBuf::from);
    let json = arguments.flag("--json");
    let only = variant.as_ref().map_or_else(String::new, |variant| format!(" --variant {variant}"));
    let sets: Vec<String> = arguments.all("--set").iter().map(|set| format!(" --set '{set}'")).collect();
    arguments.finish()?;
    let combinations = document.combinations().map_err(|error| error.to_string())?;
    let matrix = combinations.len() > 1 || combinations.iter().any(|combination| !combination.set.is_empty());
    // All of them are checked before the first one runs.
    for combination in &combinations {
        combination.document.scenario().map_err(|error| error.to_string())?;
    }
    let mut reports = Vec::new();
    for (index, Combination { set, document }) in combinations.iter().enumerate() {
        let directory = directory.as_ref().map(|directory| match matrix {
            true => directory.join(format!("run-{index}")),
            false => directory.clone(),
        });
        let report = run_one(document, seed, variant.as_deref(), directory.as_deref())?;
        let label: Vec<String> = set.iter().map(|(path, value)| format!(" --set '{path}={value}'")).collect();
        if !json {
            if matrix {
                let _ = writeln!(out, "{}{}", if index > 0 { "\n" } else { "" }, label.concat().trim());
            }
            let _ = out.write_all(table::table(&report).as_bytes());
            if report.verdict == Verdict::Fail {
                let (sets, labels, seed) = (sets.concat(), label.concat(), report.seed);
                let _ = writeln!(out, "replay: steadfast-sim run {named} --seed {seed}{only}{sets}{labels}");
            }
        }
        reports.push(report);
    }
    if json {
        let written = match reports.as_slice() {
            [report] if !matrix => serde_json::to_string(report),
            runs => serde_json::to_string(&Matrix { runs }),
        };
        let _ = writeln!(out, "{}", written.map_err(|error| error.to_string())?);
    }
    let failed = reports.iter().any(|report| report.verdict == Verdict::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Held })
}

/// Runs one document and writes its directory where one is wanted.
pub(crate) fn run_one(
    document: &Document,
    seed: Option<u64>,
    variant: Option<&str>,
    directory: Option<&Path>,
) -> Result<Report, String> {
    let scenario = document.scenario().map_err(|error| error.to_string())?;
    let cannot = |error: std::io::Error| format!("the run cannot be written: {error}");
    let output = directory.map(Output::create).transpose().map_err(cannot)?;
    let log = output.as_ref().map(Output::log).transpose().map_err(cannot)?;
    if let Some(unknown) = variant.filter(|name| !scenario.variants.iter().any(|known| known.name == *name)) {
        let known = scenario.variants.iter().map(|known| known.name.as_str());
        return Err(arguments::unknown("variant", unknown, known));
    }
    let options = RunOptions { seed, variant: variant.map(str::to_owned), log, ..RunOptions::default() };
    let report = engine::run_with(&scenario, options).map_err(|error| error.to_string())?;
    if let (Some(output), Some(directory)) = (output, directory) {
        let mut document = document.clone();
        let (seed, line) = (report.seed.to_string(), format!("steadfast-sim replay {}", directory.display()));
        document.set("seed", &seed).map_err(|error| error.to_string())?;
        for (path, name) in document.files() {
            output.copy(&path, &name).map_err(cannot)?;
        }
        output.write(&document.to_toml(), &scenario, &report, &line).map_err(cannot)?;
    }
    Ok(report)
}
