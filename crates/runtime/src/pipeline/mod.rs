//! The layers that one annotated call passes, and the one place that runs them.
//!
//! | file | what it holds |
//! |---|---|
//! | `advance` | gates that a call passes at once, on what was granted in advance |
//! | `began` | when something began, read when it is first needed |
//! | `builder` | the same layers put together in code |
//! | `scope` | which call this code runs in |
//! | `site` | an annotated function as its macro describes it |
//! | `plan` | a site's layers in one runtime, checked and with their handles |
//! | `maker` | turns declarations, and what is laid over them, into a plan |
//! | `order` | the canonical order, with its reasons |
//! | `call` | one call while it runs: deadlines, refusals, what it holds |
//! | `notes` | what others say of a call while it runs |
//! | `gate` | layers that let an attempt pass and hear how it ended |
//! | `linked` | the annotated functions that the linker collected |
//! | `pool` | what one site asks of a bulkhead or throttle |
//! | `limits` | limiters around a whole call, and whose quota each one counts |
//! | `spare` | what each thread keeps of its calls for the next ones |
//! | `once` | what a call is known by to its idempotency store |
//! | `until` | a wait that ends at a deadline, with a timer only where it waits |
//! | `trail` | what a call leaves behind for whoever answers its caller |
//! | `recorded` | what a call adds to the event stream |
//! | `run` | the loop |

mod advance;
mod began;
mod builder;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "the HTTP server reads it"))]
mod call;
mod gate;
pub(crate) mod handed;
mod hold;
mod inputs;
mod limits;
mod linked;
mod maker;
#[cfg(test)]
mod maker_tests;
mod notes;
mod once;
mod order;
mod plan;
mod plans;
mod pool;
mod recorded;
mod run;
mod scope;
mod site;
mod spare;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "the HTTP server reads it"))]
mod trail;
mod until;

pub use builder::{Pipeline, PipelineBuilder};
pub(crate) use call::note_refusal;
pub use inputs::{Inputs, Validator};
#[cfg(feature = "http")]
pub(crate) use limits::look_at_limits;
pub(crate) use limits::{ANONYMOUS, network};
#[cfg(feature = "http")]
pub(crate) use linked::linked_at;
pub use order::{Layer, ORDER};
pub use run::Failure;
pub(crate) use run::{Callee, execute, execute_or};
pub use site::{Declaration, Enrolled, Identity, Site};

pub(crate) use call::Call;
pub use plan::Described;
pub(crate) use plans::Plans;
