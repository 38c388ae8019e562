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
//! | `world` | the simulated services, links and callers |

#![forbid(unsafe_code)]

pub mod engine;
#[cfg(test)]
mod fixture;
pub mod output;
pub mod program;
pub mod scenario;
pub mod shrink;
pub mod simulation;
mod world;

pub use engine::{CallError, Request};
pub use simulation::{Simulation, under_seeds};
