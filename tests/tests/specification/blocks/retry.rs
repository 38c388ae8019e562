#[service_method("POST /data/sync")]
#[require_auth]
#[retry(attempts = 3)]
pub async fn sync_data(msg: Message) -> Result<RpcResponse, String> {
    let sync_request: DataSyncRequest = msg.deserialize_payload()?;
    
    // Automatically retries up to 3 times on:
    // - Network timeouts
    // - Temporary service unavailability  
    // - Transient database errors
    // - 5xx HTTP responses
    
    let result = perform_data_synchronization(sync_request).await?;
    Ok(RpcResponse::success(&result, 0)?)
}
