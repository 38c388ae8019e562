//! Finding products, for shoppers and for partners.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::{get, segment};

#[derive(Debug, Serialize, Deserialize)]
pub struct SearchRequest {
    #[serde(default)]
    q: String,
}

#[service_method("GET /search")]
#[bulkhead("search_queries", capacity = 100)]
pub async fn search_products(msg: Message) -> Result<RpcResponse, String> {
    let query: SearchRequest = msg.deserialize_payload()?;
    let results = perform_product_search(query).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

async fn perform_product_search(query: SearchRequest) -> Result<Vec<Value>, String> {
    get("search", &format!("/search?q={}", segment(&query.q))).await
}

type SearchQuery = SearchRequest;

#[service_method("GET /public-api/search")]
#[rate_limit(requests = 1000, per = "hour", by = "api_key")]
pub async fn public_search(msg: Message) -> Result<RpcResponse, String> {
    let query: SearchQuery = msg.deserialize_payload()?;
    let results = perform_public_search(query).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

async fn perform_public_search(query: SearchQuery) -> Result<Vec<Value>, String> {
    perform_product_search(query).await
}
