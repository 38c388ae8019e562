//! A deterministic simulator: the same actors, policies and pipelines as in production, under scripted load and faults.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`program`] | the `steadfast-sim` program's commands |
//! | [`scenario`] | the file: its words, its checks, its mistakes with line and column |

#![forbid(unsafe_code)]

pub mod program;
pub mod scenario;
