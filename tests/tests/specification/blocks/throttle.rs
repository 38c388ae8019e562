#[service_method("POST /data/analysis")]
#[require_auth]
#[throttle(max_concurrent = 5)]
pub async fn analyze_large_dataset(msg: Message) -> Result<RpcResponse, String> {
    let analysis_request: AnalysisRequest = msg.deserialize_payload()?;
    
    // Maximum 5 concurrent analysis operations:
    // - Prevents memory exhaustion from too many large operations
    // - Queues additional requests
    // - Returns 503 Service Unavailable if queue is full
    
    let results = perform_intensive_analysis(analysis_request).await?;
    Ok(RpcResponse::success(&results, 0)?)
}
