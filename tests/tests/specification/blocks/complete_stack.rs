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
    
    // Complete resilience protection:
    // 1. Resource isolation with bulkhead
    // 2. Circuit breaker for external dependencies  
    // 3. Retry with exponential backoff
    // 4. Timeout protection
    // 5. Fallback functionality
    // 6. Rate limiting for abuse prevention
    // 7. Idempotency for safe retries
    // 8. Full observability
    
    let result = perform_critical_operation(request).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn critical_operation_fallback(msg: Message) -> Result<RpcResponse, String> {
    // Fallback: Return cached result or safe default
    Ok(RpcResponse::success(&json!({
        "status": "degraded",
        "message": "Operation completed with reduced functionality"
    }), 0)?)
}
