#[service_method("GET /dynamic-content")]
#[require_auth]
#[adaptive_timeout(
    base_timeout = "5s",
    max_timeout = "30s",
    adjustment_factor = 0.1
)]
pub async fn get_dynamic_content(msg: Message) -> Result<RpcResponse, String> {
    let request: ContentRequest = msg.deserialize_payload()?;
    
    // Timeout adapts based on:
    // - Recent response time trends
    // - Current system load
    // - Dependency performance
    // - Time of day patterns
    
    let content = generate_dynamic_content(request).await?;
    Ok(RpcResponse::success(&content, 0)?)
}
