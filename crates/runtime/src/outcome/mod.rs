//! What an annotated call's result means to the layers around it.

mod adapter;
mod classify;
#[cfg(test)]
mod tests;

pub use adapter::{Answer, Codec, Judged, Outcome};
pub use classify::Classify;

pub(crate) mod probe;
