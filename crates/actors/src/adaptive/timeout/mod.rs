//! Adaptive timeout.
mod config;
pub use config::AdaptiveTimeout;
