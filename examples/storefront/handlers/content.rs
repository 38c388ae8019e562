//! Pages whose making takes sometimes longer, sometimes shorter.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::{get, segment};

/// Comes as the query of a `GET`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ContentRequest {
    page: String,
}

#[service_method("GET /dynamic-content")]
#[require_auth]
#[adaptive_timeout(base_timeout = "5s", max_timeout = "30s", adjustment_factor = 0.1)]
pub async fn get_dynamic_content(msg: Message) -> Result<RpcResponse, String> {
    let request: ContentRequest = msg.deserialize_payload()?;
    let content = generate_dynamic_content(request).await?;
    Ok(RpcResponse::success(&content, 0)?)
}

async fn generate_dynamic_content(request: ContentRequest) -> Result<Value, String> {
    get("content", &format!("/pages/{}", segment(&request.page))).await
}
