//! What a user might like.

use serde::{Deserialize, Serialize};
use steadfast::prelude::*;

use crate::backends::client::{get, segment};

#[derive(Debug, Serialize, Deserialize)]
pub struct Recommendation {
    product: String,
    name: String,
    because: String,
}

#[service_method("GET /user-recommendations")]
#[require_auth]
#[circuit_breaker("recommendation_service")]
pub async fn get_recommendations(msg: Message) -> Result<RpcResponse, String> {
    let user_id = msg.get_user_id()?;
    let recommendations = call_recommendation_service(user_id).await?;
    Ok(RpcResponse::success(&recommendations, 0)?)
}

/// For a user, or for who looks at a product.
pub async fn call_recommendation_service(of: String) -> Result<Vec<Recommendation>, String> {
    get("recommendation_service", &format!("/recommendations/{}", segment(&of))).await
}
