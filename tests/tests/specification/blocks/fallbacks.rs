#[circuit_breaker("service")]
#[fallback("meaningful_fallback")]
pub async fn service_call() -> Result<Response, Error> {
    // Primary implementation
    primary().await
}

async fn meaningful_fallback() -> Result<Response, Error> {
    // Return cached data, default values, or degraded functionality
    // Never just return an error - provide value when possible
    Ok(Response("cached"))
}
