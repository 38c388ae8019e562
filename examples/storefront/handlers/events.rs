//! Many small events, guarded so that a flood of them harms nobody else.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::post;

#[derive(Debug, Serialize, Deserialize)]
pub struct EventBatch {
    events: Vec<Value>,
}

#[service_method("POST /api/events")]
#[rate_limit(requests = 10000, per = "minute", by = "api_key")]
#[throttle(max_concurrent = 100)]
#[bulkhead("event_processing", capacity = 200)]
#[timeout("5s")]
pub async fn ingest_events(msg: Message) -> Result<RpcResponse, String> {
    let events: EventBatch = msg.deserialize_payload()?;
    let results = process_event_batch(events).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

async fn process_event_batch(batch: EventBatch) -> Result<Value, String> {
    post("events", "/events", &batch).await
}
