#[service_method("GET /user-recommendations")]
#[require_auth]
#[circuit_breaker("recommendation_service")]
pub async fn get_recommendations(msg: Message) -> Result<RpcResponse, String> {
    let user_id = msg.get_user_id()?;
    
    // Circuit breaker automatically:
    // - Monitors failure rate
    // - Opens circuit after threshold failures
    // - Allows periodic test requests
    // - Closes circuit when service recovers
    
    let recommendations = call_recommendation_service(user_id).await?;
    Ok(RpcResponse::success(&recommendations, 0)?)
}
