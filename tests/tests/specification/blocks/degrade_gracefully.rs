#[service_method("GET /product/:id")]
#[circuit_breaker("recommendation_service")]
#[degrade_gracefully]
pub async fn get_product_details(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("id")?;
    
    // Always provide core product information
    let product = fetch_product_details(product_id.clone()).await?;
    
    // Enhanced features with graceful degradation:
    let mut response = ProductResponse {
        id: product.id,
        name: product.name,
        price: product.price,
        description: product.description,
        recommendations: None,
        reviews_summary: None,
        inventory_status: None,
    };
    
    // Try to add enhanced features, degrade gracefully on failure
    if let Ok(recommendations) = get_product_recommendations(product_id.clone()).await {
        response.recommendations = Some(recommendations);
    }
    
    if let Ok(reviews) = get_reviews_summary(product_id.clone()).await {
        response.reviews_summary = Some(reviews);
    }
    
    if let Ok(inventory) = check_inventory_status(product_id).await {
        response.inventory_status = Some(inventory);
    }
    
    Ok(RpcResponse::success(&response, 0)?)
}
