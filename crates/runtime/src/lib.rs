//! Steadfast: an actor-based resilience runtime. This is the crate that users name.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`deadline`] | how long a call may take, and how that travels between processes |
//! | [`retry`] | which failures are repeated, after which wait, and how many a budget pays for |

#![forbid(unsafe_code)]

pub mod deadline;
pub mod retry;
