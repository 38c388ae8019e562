#[service_method("POST /api/events")]
#[rate_limit(requests = 10000, per = "minute", by = "api_key")]
#[throttle(max_concurrent = 100)]
#[bulkhead("event_processing", capacity = 200)]
#[timeout("5s")]
pub async fn ingest_events(msg: Message) -> Result<RpcResponse, String> {
    let events: EventBatch = msg.deserialize_payload()?;
    
    // High-throughput protection:
    // - Rate limiting per API key
    // - Concurrent request throttling
    // - Resource isolation
    // - Fast timeout to prevent queue buildup
    
    let results = process_event_batch(events).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

#[service_method("GET /analytics/realtime")]
#[bulkhead_priority("analytics", priority = "low")]
#[adaptive_timeout(base_timeout = "2s", max_timeout = "10s")]
#[degrade_gracefully]
pub async fn get_realtime_analytics(msg: Message) -> Result<RpcResponse, String> {
    let query: AnalyticsQuery = msg.deserialize_payload()?;
    
    // Analytics with graceful degradation:
    // - Low priority to not impact core operations
    // - Adaptive timeouts based on load
    // - Graceful degradation for partial results
    
    let analytics = compute_realtime_analytics(query).await?;
    Ok(RpcResponse::success(&analytics, 0)?)
}
