//! What a run leaves behind: a directory that says everything, and that replays it.
//!
//! | file | what it holds |
//! |---|---|
//! | `scenario.toml` | the scenario with everything that was set: what `replay` runs |
//! | | the traces that it names lie beside it |
//! | `run.json` | the object of `--json` |
//! | `events.jsonl` | the event log: virtual nanoseconds, sequence, actor, kind, fields |
//! | `metrics.csv` | one line for each variant and second |
//! | `latency-VARIANT.hgrm` | latencies of successes from the intended send time, as HdrHistogram writes them |
//! | `report.html` | one self-contained page |

mod diff;
mod events;
mod histogram;
mod html;
mod metrics;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use diff::{Difference, first_difference};

use crate::engine::Report;
use crate::scenario::Scenario;

/// The name of the event log in a run's directory.
pub const EVENTS: &str = "events.jsonl";

/// The name of the scenario in a run's directory.
pub const SCENARIO: &str = "scenario.toml";

/// The name of the run's figures in its directory.
pub const RUN: &str = "run.json";

/// A directory that a run is written to.
#[derive(Clone, Debug)]
pub struct Output {
    directory: PathBuf,
}

impl Output {
    /// Makes the directory where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(directory: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Output { directory: directory.to_owned() })
    }

    /// Where the event log is written while the run lasts.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn log(&self) -> std::io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(File::create(self.directory.join(EVENTS))?))
    }

    /// Keeps a file that the scenario names, so that the directory replays by itself.
    pub(crate) fn copy(&self, path: &Path, name: &str) -> std::io::Result<()> {
        let kept = self.directory.join(name);
        if let Some(parent) = kept.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(path, kept).map(drop)
    }

    /// Writes everything else once the run is over: `toml` is its scenario with all that was set, `replay` the line
    /// that replays it.
    ///
    /// # Errors
    /// Where something cannot be written, or the event log not be read.
    pub fn write(
        &self,
        toml: &str,
        scenario: &Scenario,
        report: &Report,
        replay: &str,
    ) -> std::io::Result<()> {
        let at = |name: &str| self.directory.join(name);
        std::fs::write(at(SCENARIO), toml)?;
        std::fs::write(at(RUN), serde_json::to_string_pretty(report)? + "\n")?;
        let mut csv = BufWriter::new(File::create(at("metrics.csv"))?);
        let services: Vec<&str> = scenario.services.iter().map(|service| service.name.as_str()).collect();
        metrics::write(report, &services, &mut csv)?;
        csv.flush()?;
        let seconds = scenario.duration.div_ceil(1_000_000_000);
        let details = events::read(BufReader::new(File::open(at(EVENTS))?), seconds)?;
        for variant in &details {
            let mut file = BufWriter::new(File::create(at(&format!("latency-{}.hgrm", variant.name)))?);
            histogram::write(&variant.latency, &mut file)?;
            file.flush()?;
        }
        let page = html::Page { about: &scenario.about, replay, services, details: &details };
        std::fs::write(at("report.html"), html::html(&scenario.name, report, &page)?)
    }
}
