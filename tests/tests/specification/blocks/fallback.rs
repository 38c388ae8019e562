#[service_method("GET /product-reviews")]
#[circuit_breaker("review_service")]
#[fallback("cached_reviews_fallback")]
pub async fn get_product_reviews(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("product_id")?;
    
    // Primary: Fetch from review service
    let reviews = fetch_reviews_from_service(product_id).await?;
    Ok(RpcResponse::success(&reviews, 0)?)
}

// Fallback function
async fn cached_reviews_fallback(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("product_id")?;
    
    // Fallback: Return cached reviews or default message
    let cached_reviews = get_cached_reviews(product_id).await
        .unwrap_or_else(|_| vec![]);
    
    if cached_reviews.is_empty() {
        Ok(RpcResponse::success(&json!({
            "message": "Reviews temporarily unavailable",
            "reviews": []
        }), 0)?)
    } else {
        Ok(RpcResponse::success(&cached_reviews, 0)?)
    }
}
