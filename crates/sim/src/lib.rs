//! A deterministic simulator: the same actors, policies and pipelines as in production, under scripted load and faults.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`engine`] | one run: exact virtual time, the event log, what is measured, and whether it held |
//! | [`output`] | what a run leaves behind: figures, histograms, a page |
//! | [`program`] | the `steadfast-sim` program's commands |
//! | [`scenario`] | the file: its words, its checks, its mistakes with line and column |
//! | [`shrink`] | the smallest scenario that still fails |
//! | [`simulation`] | scenarios from code, with real functions as handlers |
//! | [`testing`] | tests under many seeds, in a world that can be made to fail |
//! | `world` | the simulated services, links and callers |

#![forbid(unsafe_code)]

// What the attribute writes names this crate as users do.
#[cfg(test)]
extern crate self as steadfast_sim;

pub mod engine;
#[cfg(test)]
mod fixture;
pub mod output;
pub mod program;
pub mod scenario;
pub mod shrink;
pub mod simulation;
pub mod testing;
mod world;

pub use engine::{CallError, Request};
pub use simulation::Simulation;
pub use testing::{World, under_seeds};

/// Runs an async test in virtual time, once under each seed, each time in a runtime and a [`World`] of its own. Where it
/// fails, the last events and the line that replays it are printed.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use steadfast_sim::World;
///
/// #[steadfast_sim::test(seeds = 0..50, world = "
///     [[service]]
///     name = 'db'
///     servers = 1
///     latency = '20ms'
/// ")]
/// async fn a_held_link_holds_its_answers(world: World) {
///     let held = world.link("app", "db").hold(Duration::MAX);
///     let call = tokio::time::timeout(Duration::from_secs(1), world.call("db"));
///     assert!(call.await.is_err());
///     held.heal();
///     assert_eq!(world.call("db").await, Ok(()));
/// }
/// # fn main() {}
/// ```
///
/// # Options
/// | option | default | what it does |
/// |---|---|---|
/// | `seeds` | `0..1` | under which seeds it runs, a range with both ends |
/// | `world` | no services | services, links and faults, written as in a scenario |
/// | `scenario` | none | the same from a scenario's file, by its path from the package's folder; what else stands in it is left aside |
/// | `crate` | `"::steadfast_sim"` | the path of this crate where it goes by another name |
///
/// The function takes nothing or the [`World`], and returns nothing or a `Result`. Other attributes of tests
/// (`#[ignore]`, `#[should_panic]`) may stand beside it.
///
/// # Replay
/// `STEADFAST_SIM_SEED=7 cargo test NAME` runs only that seed, also one outside the range; what is no number fails.
pub use steadfast_macros::simulated as test;

/// Only what the attribute writes may call it.
#[doc(hidden)]
pub mod __private {
    pub use crate::testing::private::{Ground, Told, test};
}
