//! What is told of calls: metrics for graphs, an audit trail for the record.

mod audit;
mod metrics;
#[cfg(test)]
mod tests;

pub use audit::{Audit, AuditEntry, AuditFailure};

pub(crate) use metrics::{outcome, record as record_metrics};
