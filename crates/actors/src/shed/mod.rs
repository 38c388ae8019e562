//! Load shedding.
mod config;
pub use config::Shed;
