//! Data that goes out and comes in.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::post;

#[derive(Debug, Serialize, Deserialize)]
pub struct DataSyncRequest {
    source: String,
    records: Vec<Value>,
}

#[service_method("POST /data/sync")]
#[require_auth]
#[retry(attempts = 3)]
pub async fn sync_data(msg: Message) -> Result<RpcResponse, String> {
    let sync_request: DataSyncRequest = msg.deserialize_payload()?;
    let result = perform_data_synchronization(sync_request).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn perform_data_synchronization(request: DataSyncRequest) -> Result<Value, String> {
    post("sync", "/sync", &request).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ExternalApiRequest {
    resource: String,
}

#[service_method("POST /external/api-call")]
#[require_auth]
#[retry({
    attempts = 5,
    strategy = "exponential",
    base_delay = "500ms",
    max_delay = "30s",
    jitter = true,
    retry_on = ["timeout", "connection_error", "rate_limit"],
    dont_retry_on = ["authentication_error", "validation_error"]
})]
pub async fn call_external_api(msg: Message) -> Result<RpcResponse, String> {
    let api_request: ExternalApiRequest = msg.deserialize_payload()?;
    let response = call_third_party_api(api_request).await?;
    Ok(RpcResponse::success(&response, 0)?)
}

async fn call_third_party_api(request: ExternalApiRequest) -> Result<Value, String> {
    post("third_party", "/call", &request).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DataUploadRequest {
    name: String,
    content: String,
}

#[service_method("POST /api/data/upload")]
#[require_auth]
#[rate_limit(requests = 10, per = "minute", by = "user")]
pub async fn upload_data(msg: Message) -> Result<RpcResponse, String> {
    let upload_data: DataUploadRequest = msg.deserialize_payload()?;
    let result = process_data_upload(upload_data).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn process_data_upload(upload: DataUploadRequest) -> Result<Value, String> {
    post("content", "/uploads", &upload).await
}
