#[service_method("POST /orders/:id/confirm")]
#[require_auth]
#[retry(attempts = 3)]
#[idempotent]
pub async fn confirm_order(msg: Message) -> Result<RpcResponse, String> {
    let order_id = msg.get_path_param("id")?;
    
    // Operation is idempotent:
    // - Multiple calls with same parameters produce same result
    // - Safe to retry without unintended side effects
    // - Uses idempotency keys to prevent duplicate processing
    
    let confirmation = confirm_order_processing(order_id).await?;
    Ok(RpcResponse::success(&confirmation, 0)?)
}
