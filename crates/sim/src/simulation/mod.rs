//! Scenarios from code: real functions, annotated or not, in place of a scenario's handlers.
//!
//! ```
//! use steadfast_sim::{CallError, Request, Simulation};
//!
//! async fn checkout(request: Request) -> Result<(), CallError> {
//!     request.call("db").await
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let report = Simulation::builder()
//!     .seed(7)
//!     .scenario(include_str!("../../scenarios/overload-3x.toml"))
//!     .set("duration", "5s")
//!     .handler("checkout", checkout)
//!     .run()?;
//! assert_eq!(report.variants.len(), 2);
//! # Ok(())
//! # }
//! ```

#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::{Path, PathBuf};

use steadfast::outcome::Classify;

use crate::engine::{Handlers, Report, Request, RunError, RunOptions, run_with};
use crate::scenario::{Document, ScenarioError};

/// Why a simulation could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The scenario has mistakes.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A function was bound to a handler that the scenario does not have.
    #[error("the scenario has no handler `{0}`")]
    NoHandler(String),
    /// No scenario was given.
    #[error("give the simulation a scenario, or a file of one")]
    NoScenario,
}

/// A scenario, and the functions that stand in for its handlers.
#[derive(Debug)]
pub struct Simulation(());

impl Simulation {
    /// Begins one.
    #[must_use]
    pub fn builder() -> SimulationBuilder {
        SimulationBuilder::default()
    }
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Text(String),
}

/// Puts a simulation together.
#[derive(Debug, Default)]
pub struct SimulationBuilder {
    source: Option<Source>,
    sets: Vec<(String, String)>,
    handlers: Handlers,
    options: RunOptions,
}

impl SimulationBuilder {
    /// The seed; the scenario's own where not said.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = Some(seed);
        self
    }

    /// The scenario's file.
    #[must_use]
    pub fn scenario_file(mut self, path: impl AsRef<Path>) -> Self {
        self.source = Some(Source::File(path.as_ref().to_owned()));
        self
    }

    /// The scenario's text.
    #[must_use]
    pub fn scenario(mut self, text: impl Into<String>) -> Self {
        self.source = Some(Source::Text(text.into()));
        self
    }

    /// Puts a value at a path, as `--set` does.
    #[must_use]
    pub fn set(mut self, path: &str, value: &str) -> Self {
        self.sets.push((path.to_owned(), value.to_owned()));
        self
    }

    /// Runs one variant only.
    #[must_use]
    pub fn variant(mut self, name: &str) -> Self {
        self.options.variant = Some(name.to_owned());
        self
    }

    /// Lets `function` stand in for the handler of this name. It runs inside the policies that the variant lays around
    /// the handler, and in the simulated runtime: what it is annotated with itself is simulated too.
    #[must_use]
    pub fn handler<F, A, T, E>(mut self, name: &str, function: F) -> Self
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
        E: Classify,
    {
        self.handlers.bind(name, function);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// Every mistake of the scenario, or why it could not be run.
    pub fn run(self) -> Result<Report, SimulationError> {
        let mut document = match self.source.ok_or(SimulationError::NoScenario)? {
            Source::File(path) => Document::read(&path)?,
            Source::Text(text) => Document::parse("scenario", text.as_bytes())?,
        };
        for (path, value) in &self.sets {
            document.set(path, value)?;
        }
        let scenario = document.scenario()?;
        let missing = |name: &&str| !scenario.handlers.iter().any(|handler| handler.name == *name);
        if let Some(name) = self.handlers.names().find(missing) {
            return Err(SimulationError::NoHandler(name.to_owned()));
        }
        let options = RunOptions { handlers: self.handlers, ..self.options };
        Ok(run_with(&scenario, options)?)
    }
}
