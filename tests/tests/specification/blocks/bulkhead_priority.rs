#[service_method("POST /orders/express")]
#[require_auth]
#[bulkhead_priority("order_processing", priority = "high")]
pub async fn create_express_order(msg: Message) -> Result<RpcResponse, String> {
    let order: ExpressOrderRequest = msg.deserialize_payload()?;
    
    // High priority within order processing pool:
    // - Gets preferential resource allocation
    // - Can preempt lower priority operations
    
    let result = process_express_order(order).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

#[service_method("POST /orders/batch")]
#[require_auth]  
#[bulkhead_priority("order_processing", priority = "low")]
pub async fn create_batch_orders(msg: Message) -> Result<RpcResponse, String> {
    let orders: BatchOrderRequest = msg.deserialize_payload()?;
    
    // Low priority - uses resources when available
    let results = process_batch_orders(orders).await?;
    Ok(RpcResponse::success(&results, 0)?)
}
