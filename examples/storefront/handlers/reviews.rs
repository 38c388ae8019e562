//! What customers say, from the review service or, while that is down, as it was last seen.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use steadfast::prelude::*;

use crate::backends::client::{get, segment};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Review {
    product: String,
    pub(super) stars: u8,
    text: String,
}

/// Reviews as they were last seen, by product.
static SEEN: Mutex<BTreeMap<String, Vec<Review>>> = Mutex::new(BTreeMap::new());

/// Whoever asks chooses the product, so what is kept must have an end.
const MOST_SEEN: usize = 1_000;

#[service_method("GET /product-reviews")]
#[circuit_breaker("review_service")]
#[fallback("cached_reviews_fallback")]
pub async fn get_product_reviews(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("product_id")?;
    let reviews = fetch_reviews_from_service(product_id).await?;
    Ok(RpcResponse::success(&reviews, 0)?)
}

async fn cached_reviews_fallback(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("product_id")?;
    let cached_reviews = get_cached_reviews(product_id).await.unwrap_or_else(|_| vec![]);

    if cached_reviews.is_empty() {
        Ok(RpcResponse::success(
            &json!({
                "message": "Reviews temporarily unavailable",
                "reviews": []
            }),
            0,
        )?)
    } else {
        Ok(RpcResponse::success(&cached_reviews, 0)?)
    }
}

/// Asks the review service, and keeps what it says.
pub async fn fetch_reviews_from_service(product_id: String) -> Result<Vec<Review>, String> {
    let reviews: Vec<Review> = get("review_service", &format!("/reviews/{}", segment(&product_id))).await?;
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() < MOST_SEEN || seen.contains_key(&product_id) {
        seen.insert(product_id, reviews.clone());
    }
    Ok(reviews)
}

async fn get_cached_reviews(product_id: String) -> Result<Vec<Review>, String> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.get(&product_id)
        .cloned()
        .ok_or_else(|| format!("not found: no reviews of {product_id} were seen yet"))
}
