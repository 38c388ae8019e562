use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use serde::Deserialize;

use super::arguments::Arguments;
use super::run::run_one;
use super::{Exit, table};
use crate::engine::{ExpectReport, Report, Verdict};
use crate::output::{EVENTS, RUN, SCENARIO, first_difference};
use crate::scenario::Document;
use crate::shrink::shrink as smallest;

/// What is read back of a run's figures.
#[derive(Deserialize)]
struct Known {
    digest: String,
    variants: Vec<KnownVariant>,
    expect: Vec<KnownCheck>,
    invariants: Vec<KnownInvariant>,
}

#[derive(Deserialize)]
struct KnownVariant {
    name: String,
}

#[derive(Deserialize)]
struct KnownCheck {
    variant: String,
    metric: String,
    value: Option<f64>,
    ok: bool,
}

impl KnownCheck {
    /// Whether `found` is the same failure: a latency that was too long has not failed again where nothing was answered.
    fn is_again(&self, found: &ExpectReport) -> bool {
        let same = found.variant == self.variant && found.metric == self.metric;
        same && !found.ok && found.value.is_some() == self.value.is_some()
    }

    fn is_sometimes(&self) -> bool {
        self.metric.starts_with("reached ")
    }

    /// Whether the failure makes sense only after a fault.
    fn needs_faults(&self) -> bool {
        self.metric.starts_with("recovery")
    }
}

#[derive(Deserialize)]
struct KnownInvariant {
    name: String,
    ok: bool,
}

impl Known {
    fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join(RUN);
        let cannot = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| cannot(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| cannot(error.to_string()))
    }

    /// The one variant that was run, where the scenario has more.
    fn only(&self, document: &Document) -> Result<Option<&str>, String> {
        let scenario = document.scenario().map_err(|error| error.to_string())?;
        match self.variants.as_slice() {
            [only] if scenario.variants.len() > 1 => Ok(Some(&only.name)),
            _ => Ok(None),
        }
    }
}

fn document_of(directory: &Path) -> Result<Document, String> {
    Document::read(&directory.join(SCENARIO)).map_err(|error| error.to_string())
}

/// `replay DIR`
pub(crate) fn replay(rest: &[String], out: &mut dyn Write) -> Result<Exit, String> {
    let mut arguments = Arguments::new(rest, &[])?;
    let directory = Path::new(arguments.positional("DIR")?);
    arguments.finish()?;
    let (document, known) = (document_of(directory)?, Known::read(directory)?);
    let again = directory.join("replay");
    let report = run_one(&document, None, known.only(&document)?, Some(&again))?;
    let _ = out.write_all(table::table(&report).as_bytes());
    if report.digest == known.digest {
        let failed = report.verdict == Verdict::Fail;
        return Ok(if failed { Exit::Failed } else { Exit::Held });
    }
    let _ = writeln!(out, "NOT DETERMINISTIC: the digest was {:.16}", known.digest);
    let _ = compare(directory, &again, out)?;
    Ok(Exit::NotDeterministic)
}

/// `diff DIR DIR`
pub(crate) fn diff(rest: &[String], out: &mut dyn Write) -> Result<Exit, String> {
    let mut arguments = Arguments::new(rest, &[])?;
    let (left, right) = (arguments.positional("DIR")?, arguments.positional("other DIR")?);
    arguments.finish()?;
    let same = compare(Path::new(left), Path::new(right), out)?;
    Ok(if same { Exit::Held } else { Exit::Failed })
}

fn compare(left: &Path, right: &Path, out: &mut dyn Write) -> Result<bool, String> {
    let open = |directory: &Path| {
        let path = directory.join(EVENTS);
        let opened = File::open(&path).map_err(|error| format!("{}: {error}", path.display()));
        opened.map(BufReader::new)
    };
    let found = first_difference(open(left)?, open(right)?);
    match found.map_err(|error| format!("an event log cannot be read: {error}"))? {
        Some(difference) => {
            let _ = write!(out, "{difference}");
            Ok(false)
        }
        None => {
            let _ = writeln!(out, "the same events");
            Ok(true)
        }
    }
}

/// `shrink DIR -o FILE`
pub(crate) fn shrink(rest: &[String], out: &mut dyn Write) -> Result<Exit, String> {
    let mut arguments = Arguments::new(rest, &["-o"])?;
    let directory = Path::new(arguments.positional("DIR")?);
    let file = arguments.last("-o").ok_or("write where the result goes, as in -o small.toml")?;
    arguments.finish()?;
    let (document, known) = (document_of(directory)?, Known::read(directory)?);
    let invariant = known.invariants.iter().find(|invariant| !invariant.ok);
    // What was never reached is not reached by less either: there is nothing that shrinking could keep.
    let check = known.expect.iter().find(|check| !check.ok && !check.is_sometimes());
    let fails = |report: &Report| match (invariant, check) {
        // A broken invariant says more than what it leads to.
        (Some(known), _) => report.invariants.iter().any(|found| !found.ok && found.name == known.name),
        (None, Some(known)) => report.expect.iter().any(|found| known.is_again(found)),
        (None, None) => false,
    };
    if invariant.is_none() && check.is_none() {
        if known.expect.iter().any(|check| !check.ok) {
            return Err("what failed is a `sometimes` alone: less than this reaches it even less".to_owned());
        }
        return Err(format!("nothing failed in {}: there is nothing to shrink", directory.display()));
    }
    let needs_faults = invariant.is_none() && check.is_some_and(KnownCheck::needs_faults);
    let shrunk = smallest(&document, |candidate| {
        let faults = candidate.scenario().map_or(0, |scenario| scenario.faults.len());
        let good = faults > 0 || !needs_faults;
        good && run_one(candidate, None, None, None).is_ok_and(|report| fails(&report))
    });
    std::fs::write(file, shrunk.document.to_toml()).map_err(|error| format!("{file}: {error}"))?;
    let _ = writeln!(out, "{} runs; the result still fails\nreplay: steadfast-sim run {file}", shrunk.runs);
    Ok(Exit::Held)
}
