//! What an annotated call's result means to the layers around it.

mod adapter;
mod classify;
#[cfg(test)]
mod tests;

pub use adapter::{Answer, CarriesRejection, Judged, Outcome};
pub use classify::{Classify, Wait};
pub use steadfast_actors::idempotency::Codec;

pub(crate) mod probe;
