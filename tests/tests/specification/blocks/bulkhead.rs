#[service_method("POST /orders")]
#[require_auth]
#[bulkhead("order_processing", capacity = 50)]
pub async fn create_order(msg: Message) -> Result<RpcResponse, String> {
    let order: CreateOrderRequest = msg.deserialize_payload()?;
    
    // Order processing isolated to dedicated resource pool:
    // - Max 50 concurrent order operations
    // - Prevents other operations from starving order processing
    // - Prevents order processing from overwhelming system
    
    let result = process_new_order(order).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

#[service_method("GET /search")]
#[bulkhead("search_queries", capacity = 100)]
pub async fn search_products(msg: Message) -> Result<RpcResponse, String> {
    let query: SearchRequest = msg.deserialize_payload()?;
    
    // Search isolated to separate resource pool:
    // - Max 100 concurrent search operations
    // - Heavy search queries don't impact order processing
    
    let results = perform_product_search(query).await?;
    Ok(RpcResponse::success(&results, 0)?)
}
