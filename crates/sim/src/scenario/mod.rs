//! The scenario file: one self-contained TOML document that says what is simulated and what must come out.
//!
//! Everything is checked before anything runs: unknown keys with the nearest that exists, units, ranges, cycles and
//! names, each mistake with its line and column. Policies are checked by the code that the macros check them with. A
//! hostile file is refused within fixed limits.
//!
//! | limit | value | why |
//! |---|---|---|
//! | size of a file | 128 KiB | parsed, it stays far below 64 MiB |
//! | depth of nesting | 80 | the parser's own |
//! | servers | 10^6 | each is a place in memory |
//! | a time | a week | |
//! | a rate | 10^7/s | |
//! | combinations of a matrix | 1,000 | each is a whole run |

mod actors;
mod check;
mod distribution;
mod document;
mod expect;
mod fault;
mod handler;
mod load;
mod mistake;
mod names;
mod random;
mod reader;
mod runtime;
mod service;
mod swarm;
#[cfg(test)]
mod tests;
mod trace;
pub(crate) mod tree;
mod variant;
mod write;

pub use distribution::Distribution;
pub use document::{Combination, Document};
pub use expect::{Bound, Expectation, Metric, Reached, Sometimes};
pub use fault::{Fault, FaultKind, Target, When};
pub use handler::{Handler, Link, Step};
pub use load::{Arrivals, Keys, Load, Model, Priority, Stage};
pub use mistake::{Mistake, ScenarioError};
pub use runtime::RuntimeOptions;
pub use service::{Discipline, ErrorShare, Queue, Service};
pub use swarm::{Family, Swarm};
pub use trace::Arrival;
pub use variant::{Policy, Variant};

pub use expect::parse_seeds;

/// A whole scenario, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows, in one line.
    pub about: String,
    /// Where its figures come from.
    pub source: String,
    /// How long it runs, in nanoseconds of virtual time.
    pub duration: u64,
    /// The seed of all its randomness.
    pub seed: u64,
    /// The simulated dependencies.
    pub services: Vec<Service>,
    /// How messages travel.
    pub links: Vec<Link>,
    /// The call paths.
    pub handlers: Vec<Handler>,
    /// The policy sets that are compared.
    pub variants: Vec<Variant>,
    /// What arrives.
    pub loads: Vec<Load>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What must happen at all.
    pub sometimes: Vec<Sometimes>,
    /// What a swarm may draw.
    pub swarm: Option<Swarm>,
}
