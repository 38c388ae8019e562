//! What a file of handlers needs: `use steadfast::prelude::*;`

pub use serde_json::json;

pub use crate::deadline::Deadline;
pub use crate::{Classify, Degradation, ErrorKind, Message, Rejection, RpcResponse, Runtime};
pub use crate::{
    adaptive_timeout, audit_log, bulkhead, bulkhead_priority, circuit_breaker, degrade_gracefully, fallback,
    hedge, idempotent, metrics, rate_limit, require_auth, retry, service_method, shed, throttle, timeout,
    timeout_cascade, validate,
};
