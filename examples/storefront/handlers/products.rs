//! A product's page: the product itself always, the rest as far as it is there within a second each.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use super::recommendations::{Recommendation, call_recommendation_service};
use super::reviews::fetch_reviews_from_service;
use crate::backends::client::{get, segment};

#[derive(Debug, Deserialize)]
struct Product {
    id: String,
    name: String,
    price: u64,
    description: String,
}

#[derive(Debug, Serialize)]
pub struct ProductResponse {
    id: String,
    name: String,
    price: u64,
    description: String,
    recommendations: Option<Vec<Recommendation>>,
    reviews_summary: Option<Value>,
    inventory_status: Option<Value>,
}

#[service_method("GET /product/:id")]
#[circuit_breaker("recommendation_service")]
#[degrade_gracefully]
pub async fn get_product_details(msg: Message) -> Result<RpcResponse, String> {
    let product_id = msg.get_path_param("id")?;

    // Always provide core product information
    let product = fetch_product_details(product_id.clone()).await?;

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

async fn fetch_product_details(product_id: String) -> Result<Product, String> {
    get("catalog", &format!("/products/{}", segment(&product_id))).await
}

#[circuit_breaker("recommendation_service")]
#[timeout("1s")]
async fn get_product_recommendations(product_id: String) -> Result<Vec<Recommendation>, String> {
    call_recommendation_service(product_id).await
}

#[circuit_breaker("review_service")]
#[timeout("1s")]
async fn get_reviews_summary(product_id: String) -> Result<Value, String> {
    let reviews = fetch_reviews_from_service(product_id).await?;
    let stars: u32 = reviews.iter().map(|review| u32::from(review.stars)).sum();
    let count = u32::try_from(reviews.len()).unwrap_or(u32::MAX);
    Ok(json!({ "count": count, "stars": f64::from(stars) / f64::from(count.max(1)) }))
}

#[timeout("1s")]
async fn check_inventory_status(product_id: String) -> Result<Value, String> {
    get("inventory", &format!("/stock/{}", segment(&product_id))).await
}
