//! What is told of calls: metrics for graphs, an audit trail for the record, a log of events to rebuild a run from.

mod audit;
pub mod events;
mod metrics;
#[cfg(test)]
mod tests;

pub use audit::{Audit, AuditEntry, AuditFailure};
pub use events::EventLog;

pub(crate) use metrics::{Metered, outcome};
