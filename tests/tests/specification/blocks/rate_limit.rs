#[service_method("POST /api/data/upload")]
#[require_auth]
#[rate_limit(requests = 10, per = "minute", by = "user")]
pub async fn upload_data(msg: Message) -> Result<RpcResponse, String> {
    let upload_data: DataUploadRequest = msg.deserialize_payload()?;
    
    // Rate limiting:
    // - 10 uploads per minute per user
    // - Prevents abuse of upload functionality
    // - Ensures fair resource allocation
    
    let result = process_data_upload(upload_data).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

#[service_method("GET /public-api/search")]
#[rate_limit(requests = 1000, per = "hour", by = "api_key")]
pub async fn public_search(msg: Message) -> Result<RpcResponse, String> {
    let query: SearchQuery = msg.deserialize_payload()?;
    
    // API key based rate limiting
    let results = perform_public_search(query).await?;
    Ok(RpcResponse::success(&results, 0)?)
}
