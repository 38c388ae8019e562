//! Everything at once.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::post;

#[derive(Debug, Serialize, Deserialize, Validate)]
pub struct CriticalOperationRequest {
    #[garde(length(chars, min = 1, max = 100))]
    operation: String,
    #[garde(range(min = 1))]
    amount: u64,
}

#[service_method("POST /critical-operation")]
#[require_auth]
#[validate]
#[bulkhead("critical_ops", capacity = 10)]
#[circuit_breaker("external_service", {
    failure_threshold = 3,
    recovery_timeout = "60s"
})]
#[retry({
    attempts = 3,
    strategy = "exponential",
    base_delay = "1s"
})]
#[timeout("30s")]
#[fallback("critical_operation_fallback")]
#[rate_limit(requests = 100, per = "hour", by = "user")]
#[idempotent]
#[metrics]
#[audit_log]
pub async fn critical_operation(msg: Message) -> Result<RpcResponse, String> {
    let request: CriticalOperationRequest = msg.deserialize_payload()?;
    let result = perform_critical_operation(request).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn critical_operation_fallback(_msg: Message) -> Result<RpcResponse, String> {
    Ok(RpcResponse::success(
        &json!({
            "status": "degraded",
            "message": "Operation completed with reduced functionality"
        }),
        0,
    )?)
}

async fn perform_critical_operation(request: CriticalOperationRequest) -> Result<Value, String> {
    post("external_service", "/operations", &request).await
}
