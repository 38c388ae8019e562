//! What a site may declare, attribute by attribute.
//!
//! The macros check an attribute with [`check`] while they expand it, and the runtime checks what a file, the
//! environment or a scenario lays over it with the same code: one table of keys, ranges and cross checks for all.
//!
//! Positional arguments stand under a key: the name of a policy under `name`, a timeout under `total`, a fallback under
//! `path`, a route under `route`, a validated type under `type`.

mod fallback;
pub mod retry;
mod service;
#[cfg(test)]
mod tests;
mod timeout;

pub use fallback::{FailureKind, Fallback};
pub use service::{AuditLog, AuditOnFull, ServiceMethod};
pub use timeout::{Timeout, TimeoutCascade};

pub use crate::adaptive::brownout::DegradeGracefully;
pub use crate::adaptive::hedge::{Hedge, HedgeAfter};
pub use crate::adaptive::timeout::AdaptiveTimeout;
pub use crate::shed::Shed;

use crate::breaker::BreakerConfig;
use crate::bulkhead::{BulkheadConfig, BulkheadPriority};
use crate::idempotency::Idempotent;
use crate::limiter::LimiterConfig;
use crate::settings::{Problem, Reader, Settings, nearest};

/// Every attribute, in the order in which pages list them.
pub const ATTRIBUTES: [&str; 19] = [
    "circuit_breaker",
    "fallback",
    "retry",
    "idempotent",
    "timeout",
    "timeout_cascade",
    "bulkhead",
    "bulkhead_priority",
    "rate_limit",
    "throttle",
    "degrade_gracefully",
    "adaptive_timeout",
    "hedge",
    "shed",
    "service_method",
    "require_auth",
    "validate",
    "metrics",
    "audit_log",
];

/// Checks the settings of one attribute.
///
/// # Errors
/// Every mistake at once; an attribute that does not exist is one, with the nearest name.
pub fn check(attribute: &str, settings: &Settings) -> Result<(), Vec<Problem>> {
    match attribute {
        "circuit_breaker" => BreakerConfig::from_settings(settings).map(drop),
        "idempotent" => Idempotent::from_settings(settings).map(drop),
        "retry" => retry::RetryConfig::check(settings),
        "rate_limit" => LimiterConfig::from_settings(settings).map(drop),
        "bulkhead" => BulkheadConfig::from_settings(settings).map(drop),
        "bulkhead_priority" => BulkheadPriority::from_settings(settings).map(drop),
        "throttle" => BulkheadConfig::from_throttle(settings).map(drop),
        "hedge" => Hedge::from_settings(settings).map(drop),
        "shed" => Shed::from_settings(settings).map(drop),
        "fallback" => Fallback::from_settings(settings).map(drop),
        "timeout" => Timeout::from_settings(settings).map(drop),
        "timeout_cascade" => TimeoutCascade::from_settings(settings).map(drop),
        "adaptive_timeout" => AdaptiveTimeout::from_settings(settings).map(drop),
        "service_method" => ServiceMethod::from_settings(settings).map(drop),
        "audit_log" => AuditLog::from_settings(settings).map(drop),
        "degrade_gracefully" => DegradeGracefully::from_settings(settings).map(drop),
        "require_auth" | "metrics" => Reader::new(settings).finish(),
        "validate" => {
            let mut reader = Reader::new(settings);
            let _ = reader.text("type");
            reader.finish()
        }
        other => {
            let hint = nearest(other, ATTRIBUTES).map(|known| format!("; did you mean `{known}`?"));
            let message = format!("there is no attribute `{other}`{}", hint.unwrap_or_default());
            Err(vec![Problem { key: String::new(), message }])
        }
    }
}
