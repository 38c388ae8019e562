#[service_method("POST /external/api-call")]
#[require_auth]
#[retry({
    attempts = 5,
    strategy = "exponential",
    base_delay = "500ms",
    max_delay = "30s",
    jitter = true,
    retry_on = ["timeout", "connection_error", "rate_limit"],
    dont_retry_on = ["authentication_error", "validation_error"]
})]
pub async fn call_external_api(msg: Message) -> Result<RpcResponse, String> {
    let api_request: ExternalApiRequest = msg.deserialize_payload()?;
    
    // Advanced retry with:
    // - 5 attempts with exponential backoff
    // - Base delay 500ms, max 30s
    // - Jitter to prevent synchronization
    // - Specific error conditions for retry
    
    let response = call_third_party_api(api_request).await?;
    Ok(RpcResponse::success(&response, 0)?)
}
