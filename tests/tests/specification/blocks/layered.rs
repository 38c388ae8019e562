// External service calls
#[circuit_breaker("service_name")]
#[retry(attempts = 3)]
#[timeout("10s")]
#[fallback("service_fallback")]
async fn external_service_call() -> Result<u32, String> {
    stub::run("external_service_call").await
}

// Resource-intensive operations
#[bulkhead("heavy_ops")]
#[throttle(max_concurrent = 5)]
#[timeout("60s")]
async fn heavy_operation() -> Result<u32, String> {
    stub::run("heavy_operation").await
}

// Public APIs
#[rate_limit(requests = 1000, per = "hour")]
#[throttle(max_concurrent = 50)]
#[timeout("30s")]
async fn public_api() -> Result<u32, String> {
    stub::run("public_api").await
}
