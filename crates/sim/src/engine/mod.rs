//! One run of a scenario: exact virtual time, the event log, what is measured, and whether it held.
//!
//! ```text
//!   queue (time, sequence) -> driver -> world -> tasks: handlers in their pipelines, with the real actors
//!                               ^                  |
//!                               +---- at rest -----+
//! ```
//!
//! Everything runs on one current-thread tokio runtime with a paused clock. The driver fires one event of the world,
//! waits until every task and actor has come to rest, and only then moves time on: to the nanosecond between tokio's
//! own timers, which keep their milliseconds. Randomness is drawn from one stream for each owner.
//!
//! | file | what it holds |
//! |---|---|
//! | `queue` | events by time and sequence |
//! | `quiet`, `driver` | when everything rests, and how time moves |
//! | `draw` | random choices of one owner |
//! | `house`, `handler`, `compose` | what the tasks of a run share; handlers inside their layers |
//! | `log` | the event log and its digest |
//! | `invariants`, `breakers`, `quotas` | what must hold in every run |
//! | `series`, `measures`, `permits`, `expect`, `report` | what is counted, what was expected of it, and what is told |
//! | `process` | the process under test, and the one that follows it after a crash |
//! | `cost` | what a run costs the machine |
//! | `run` | all variants of a scenario, one after another |
//! | `staged` | a world beside a test's own body |

mod bound;
mod breakers;
mod compose;
mod cost;
mod draw;
mod driver;
mod expect;
mod handler;
mod house;
mod invariants;
mod log;
mod measures;
mod permits;
mod process;
mod queue;
mod quiet;
mod quotas;
mod report;
mod run;
mod running;
mod series;
mod staged;
#[cfg(test)]
mod tests;

pub use bound::{Handlers, Request};
pub use cost::CostReport;
pub(crate) use draw::{Stream, float, nanos, seconds};
pub use handler::CallError;
pub(crate) use house::House;
pub(crate) use log::Recorder;
pub use measures::TransitionSeen;
pub(crate) use measures::histogram;
pub use process::Build;
pub(crate) use process::CALENDAR;
pub(crate) use queue::Queue;
pub use report::{
    ExpectReport, InvariantReport, LatencyReport, PermitsReport, Report, SeriesPoint, VariantReport, Verdict,
};
pub use run::{RunError, RunOptions, run, run_with};
pub(crate) use staged::{Staged, staged};

#[cfg(test)]
pub(crate) fn break_an_invariant(house: &House) {
    house.recorder.record().invariants.check(invariants::Rule::Permits, false, || "on purpose".to_owned());
}
