//! A page out of three parts, each of which gets its share of the page's time.

use serde::Serialize;
use serde_json::Value;
use steadfast::prelude::*;

use super::orders::orders_of;
use super::recommendations::{Recommendation, call_recommendation_service};
use crate::backends::client::{get, segment};

type UserProfile = Value;

#[derive(Debug, Serialize)]
pub struct DashboardResponse {
    profile: UserProfile,
    orders: Vec<Value>,
    recommendations: Vec<Recommendation>,
}

#[service_method("GET /user-dashboard")]
#[require_auth]
#[timeout("10s")]
pub async fn get_user_dashboard(msg: Message) -> Result<RpcResponse, String> {
    let user_id = msg.get_user_id()?;

    let profile = get_user_profile(user_id.clone()).await?; // Max 3s
    let orders = get_recent_orders(user_id.clone()).await?; // Max 3s
    let recommendations = get_recommendations(user_id).await?; // Max 3s

    Ok(RpcResponse::success(&DashboardResponse { profile, orders, recommendations }, 0)?)
}

#[timeout_cascade(percentage = 30)]
async fn get_user_profile(user_id: String) -> Result<UserProfile, String> {
    fetch_user_profile_data(user_id).await
}

#[timeout_cascade(percentage = 30)]
async fn get_recent_orders(user_id: String) -> Result<Vec<Value>, String> {
    orders_of(&user_id).await
}

#[timeout_cascade(percentage = 30)]
async fn get_recommendations(user_id: String) -> Result<Vec<Recommendation>, String> {
    call_recommendation_service(user_id).await
}

async fn fetch_user_profile_data(user_id: String) -> Result<UserProfile, String> {
    get("profile_service", &format!("/profiles/{}", segment(&user_id))).await
}
