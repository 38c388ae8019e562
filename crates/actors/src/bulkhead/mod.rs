//! Bulkhead: at most so many attempts at once, and a bounded line of callers by priority.
//!
//! ```text
//!   acquire --> a permit is free and nobody waits --> GRANTED --> given back (dropped, cut, crashed: exactly once)
//!           --> the line has room                 --> QUEUED  --> granted by class, age and arrival
//!           |                                                 --> refused: waited too long, displaced, closed
//!           --> it has none: displaces the youngest of a lower class, or is REFUSED
//! ```
//!
//! | setting | default | why |
//! |---|---|---|
//! | `capacity` | 64 where no site and no file names one; `64MiB` of a memory | |
//! | `queue` | half the capacity, at least 1 | a longer line only makes its members time out |
//! | `max_wait` | 1 s, and never past the caller's deadline | who waits longer has an impatient caller |
//! | `discipline` | `fifo` | fair; `adaptive_lifo` serves the newest once a line has stood for a second, since the oldest are about to give up (Facebook, "Fail at Scale", 2015) |
//! | `adaptive` | none | where it is written, `capacity` is where it starts, and the limit is found from how calls are answered ([`crate::adaptive::concurrency`]) |
//! | ageing | one class per 500 ms | background waits, but not for ever |
//! | aged grants | at most 1 in 20 past a higher class | ageing must not invert the classes under overload |
//! | `on_unavailable` | reject | a pool that lets all pass is none; `allow` hands out what was free when its actor was last heard of |
//!
//! A full line lets a higher class displace the youngest of the lowest, never the oldest of a class. That one may wait
//! 2 s while higher classes are in its way, longer than `max_wait` if need be: ageing takes 1.5 s to lift background
//! to the top, so it would never arrive otherwise. Where nobody higher is in its way, `max_wait` holds for it too.
//!
//! The line is the actor's, and its members are told how long they wait. Where the actor hangs, each leaves `ask_timeout`
//! after that: `max_wait` and 100 ms after it came, if it was not told before that it may wait its 2 s.
//!
//! Calls that run with all their optional parts off have a lane of their own, a tenth of the capacity rounded up and
//! counted apart, without a line. A throttle is the same actor around a whole call in place of an attempt.
//!
//! What a permit of each kind is, with its own settings, is said at [`PoolKind`].
//!
//! # Memory
//! `capacity = "64MiB"` counts bytes. A call takes what its `cost` says, else the bytes of its message's body, at least 1;
//! what could never fit is refused at once. It accounts, it does not allocate: a handler that takes more than it said
//! is not stopped.
//!
//! # Preemption
//! With `preempt = true` at a site, the youngest holder of the lowest class below the site's own is told to go where a
//! call of that site would wait. The call that is cut is answered [`Preempted`](crate::rejection::FullReason::Preempted)
//! (503), and is repeated only where it may run twice: it is idempotent, or a GET. Its permit is handed on when it has
//! unwound and not before, so what is out never exceeds the capacity. Who preempts may wait for that in a line that is
//! full.
//!
//! Two sites of one name complete each other: what one leaves out the other may say, while the pool runs.

#[cfg(feature = "host")]
mod acquiring;
#[cfg(feature = "host")]
mod asking;
mod bytes;
mod config;
mod cost;
mod full;
mod gate;
#[cfg(feature = "host")]
mod granted;
#[cfg(feature = "host")]
mod handle;
#[cfg(all(test, feature = "host"))]
mod handle_tests;
mod held;
mod kind_settings;
#[cfg(feature = "host")]
mod kinds;
mod lasting;
mod line;
mod machine;
#[cfg(feature = "host")]
mod outage;
#[cfg(feature = "host")]
mod permit;
mod pool_kind;
mod preemption;
mod priority;
#[cfg(test)]
mod tests;

pub use crate::adaptive::concurrency::Adaptive;
pub use config::{BulkheadConfig, BulkheadPriority, Discipline};
pub use cost::Cost;
pub use gate::BulkheadGate;
#[cfg(feature = "host")]
pub use granted::Granted;
#[cfg(feature = "host")]
pub use handle::BulkheadHandle;
pub use kind_settings::{ConnectionSettings, CpuSettings};
#[cfg(feature = "host")]
pub use kinds::{BoxError, ConnectionCounts, ConnectionError, Connector, Lease, Metered, SharedPermit, cut};
pub use machine::{
    Acquire, BulkheadChange, BulkheadInput, BulkheadMachine, BulkheadReply, BulkheadStatus, Refusal,
};
#[cfg(feature = "host")]
pub use permit::{BulkheadPermit, Preemption};
pub use pool_kind::PoolKind;
pub use priority::Priority;
