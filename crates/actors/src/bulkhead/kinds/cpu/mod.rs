//! Pools whose handlers share processor time.
//!
//! | setting | default | why |
//! |---|---|---|
//! | `share` | 0.5 of a processor | leaves room for others even on a machine that has one |
//! | `period` | 100 ms | the kernel's own for groups (`cpu.max`): short against a person's patience, long against a poll |
//! | a poll is reported from | 50 ms | half a period; whoever shares the thread has waited that long |
//!
//! Each poll of a handler is charged with the processor time that its thread used, to all handlers of the pool together.
//! A pool that has used up its share is not polled until the next period; who waits is served in the order of its coming.
//! What one poll took beyond the share is owed by the periods that follow. A poll that does not return cannot be
//! stopped, by this or any library; one that was long is reported with its site.
//!
//! On a paused tokio runtime, as in the simulator, only what [`spend_cpu`](crate::clock::spend_cpu) says counts as used:
//! a run is then the same on every machine.

mod budget;
mod meter;

pub(super) use meter::Cpu;
pub use meter::Metered;
