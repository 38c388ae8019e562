//! Orders: single ones, express ones, batches, and their confirmation. All but the last share one pool.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::{get, post, segment};

#[derive(Debug, Serialize, Deserialize)]
pub struct CreateOrderRequest {
    user: String,
    product: String,
    quantity: u32,
}

#[service_method("POST /orders")]
#[require_auth]
#[bulkhead("order_processing", capacity = 50)]
pub async fn create_order(msg: Message) -> Result<RpcResponse, String> {
    let order: CreateOrderRequest = msg.deserialize_payload()?;
    let result = process_new_order(order).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn process_new_order(order: CreateOrderRequest) -> Result<Value, String> {
    post("orders", "/orders", &order).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ExpressOrderRequest {
    user: String,
    product: String,
}

#[service_method("POST /orders/express")]
#[require_auth]
#[bulkhead_priority("order_processing", priority = "high")]
pub async fn create_express_order(msg: Message) -> Result<RpcResponse, String> {
    let order: ExpressOrderRequest = msg.deserialize_payload()?;
    let result = process_express_order(order).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn process_express_order(order: ExpressOrderRequest) -> Result<Value, String> {
    let ExpressOrderRequest { user, product } = order;
    post("orders", "/orders", &json!({ "user": user, "product": product, "express": true })).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct BatchOrderRequest {
    orders: Vec<CreateOrderRequest>,
}

#[service_method("POST /orders/batch")]
#[require_auth]
#[bulkhead_priority("order_processing", priority = "low")]
pub async fn create_batch_orders(msg: Message) -> Result<RpcResponse, String> {
    let orders: BatchOrderRequest = msg.deserialize_payload()?;
    let results = process_batch_orders(orders).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

async fn process_batch_orders(batch: BatchOrderRequest) -> Result<Vec<Value>, String> {
    let mut results = Vec::with_capacity(batch.orders.len());
    for order in batch.orders {
        results.push(process_new_order(order).await?);
    }
    Ok(results)
}

#[service_method("POST /orders/:id/confirm")]
#[require_auth]
#[retry(attempts = 3)]
#[idempotent]
pub async fn confirm_order(msg: Message) -> Result<RpcResponse, String> {
    let order_id = msg.get_path_param("id")?;
    let confirmation = confirm_order_processing(order_id).await?;
    Ok(RpcResponse::success(&confirmation, 0)?)
}

async fn confirm_order_processing(order_id: String) -> Result<Value, String> {
    post("orders", &format!("/orders/{}/confirm", segment(&order_id)), &json!({})).await
}

/// The latest orders of a user.
pub async fn orders_of(user: &str) -> Result<Vec<Value>, String> {
    get("orders", &format!("/orders?user={}", segment(user))).await
}
