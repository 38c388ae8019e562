//! Hedge: a second attempt beside a first one that takes unusually long; the first answer wins, the loser is dropped.
//!
//! ```text
//!   attempt begins --> answers before the delay ----------------------------------> its answer
//!                 '--> the delay is over --> may it? -- no (not learned, spent) --> waits on for the first
//!                                               | yes
//!                                               '--> a second one begins ---------> whoever answers first
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `after` | `p95` | a tail of a twentieth is where a second attempt pays ("The Tail at Scale", Dean and Barroso, CACM 2013) |
//! | samples before it starts | as many as have one beyond the quantile, at least 20 | a quantile of fewer is one of luck |
//! | `max` | 2, the first included | a third one gains little over the second |
//! | `budget` | 0.1 of first attempts, at most 10 saved up | twice what p95 sends again: a slow spell must not double the load |
//! | shortest delay | 1 ms | timers are no finer |
//!
//! It learns from first attempts alone. One that was dropped because another answered counts with the time that it had
//! run: left out, the slow ones would vanish from the sketch, and the delay would creep down with every hedge.
//!
//! What a second attempt costs is paid twice: from the share of this actor, and from the retry budget of the
//! dependency, which retries and hedges have in common.

mod config;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod machine;
#[cfg(test)]
mod tests;

pub use config::{Hedge, HedgeAfter};
#[cfg(feature = "host")]
pub use handle::{HedgeGrant, HedgeHandle};
pub use machine::{HedgeChange, HedgeInput, HedgeMachine, HedgeRefusal, HedgeReply, HedgeStatus};
