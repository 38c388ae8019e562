#[service_method("GET /user-dashboard")]
#[require_auth]
#[timeout("10s")]
pub async fn get_user_dashboard(msg: Message) -> Result<RpcResponse, String> {
    let user_id = msg.get_user_id()?;
    
    // Calls to sub-operations inherit reduced timeouts
    let profile = get_user_profile(user_id.clone()).await?;      // Max 3s
    let orders = get_recent_orders(user_id.clone()).await?;       // Max 3s  
    let recommendations = get_recommendations(user_id).await?; // Max 3s
    
    Ok(RpcResponse::success(&DashboardResponse {
        profile,
        orders,
        recommendations,
    }, 0)?)
}

#[timeout_cascade(percentage = 30)]
async fn get_user_profile(user_id: String) -> Result<UserProfile, String> {
    // Inherits 30% of parent timeout (3s out of 10s)
    fetch_user_profile_data(user_id).await
}
