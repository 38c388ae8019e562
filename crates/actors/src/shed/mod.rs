//! Load shedding: calls are turned away before they wait, where those that wait do so too long.
//!
//! ```text
//!   call --> CALM: passes --> waits for pool and throttle --> begins; its delay is noted
//!        '-> SHEDDING: asked for --> of the lowest classes so large a share is refused that the delay comes down
//!
//!   CALM --> the least delay of a whole interval was above the target --> SHEDDING: the share grows
//!   SHEDDING --> the least delay was below --> the share shrinks --> none is left --> CALM
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `target_delay` | 5 ms | CoDel's own (RFC 8289, 4.4): what a line may hold without being a standing one |
//! | `interval` | 100 ms, or the target where that is longer | CoDel's own: a burst is over by then |
//! | next look while it lasts | `interval` / sqrt(times in a row), 10 ms at least | CoDel's control law: the longer it lasts, the faster it acts |
//! | the share grows by | a tenth of what still passes | three times the load is met within half a second |
//! | the share shrinks by | a 16th of itself, 1 % at least | slowly, so that it finds the point where the delay stays |
//! | most | 95 % of a class | what passes is what shows that it is over |
//! | `on_unavailable` | allow | the line itself is bounded |
//!
//! CoDel drops packets of senders that slow down when they lose one. Callers do not: so not single calls are dropped but
//! a share of them, and CoDel's law says when that share is looked at again. The share is of all calls, and is taken
//! from the lowest class first: background, low, normal, high. A class is that of the site's `bulkhead_priority`.
//!
//! It is the LEAST delay of an interval that counts, as in CoDel: in a burst somebody gets through at once, in a standing
//! line nobody does. It is looked at for each class, since high ones go first and hardly wait: they neither hide the line
//! behind them, nor are they turned away for its sake. Sites that wait for one pool share one shedder, which goes by the pool's name.

mod config;
mod control;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod machine;
#[cfg(test)]
mod tests;

pub use config::Shed;
#[cfg(feature = "host")]
pub use handle::{ShedHandle, ShedPass};
pub use machine::{ShedChange, ShedInput, ShedMachine, ShedReply, ShedStatus};
