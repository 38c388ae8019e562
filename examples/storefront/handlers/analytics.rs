//! Numbers: heavy ones, five at a time, and live ones, which make do with what there is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::{get, post};

#[derive(Debug, Serialize, Deserialize)]
pub struct AnalysisRequest {
    dataset: String,
    values: Vec<f64>,
}

#[service_method("POST /data/analysis")]
#[require_auth]
#[throttle(max_concurrent = 5)]
pub async fn analyze_large_dataset(msg: Message) -> Result<RpcResponse, String> {
    let analysis_request: AnalysisRequest = msg.deserialize_payload()?;
    let results = perform_intensive_analysis(analysis_request).await?;
    Ok(RpcResponse::success(&results, 0)?)
}

async fn perform_intensive_analysis(request: AnalysisRequest) -> Result<Value, String> {
    post("analytics", "/analysis", &request).await
}

/// Comes as the query of a `GET`.
#[derive(Debug, Serialize, Deserialize)]
pub struct AnalyticsQuery {
    #[serde(default = "visitors")]
    metric: String,
}

fn visitors() -> String {
    "visitors".to_owned()
}

#[service_method("GET /analytics/realtime")]
#[bulkhead_priority("analytics", priority = "low")]
#[adaptive_timeout(base_timeout = "2s", max_timeout = "10s")]
#[degrade_gracefully]
pub async fn get_realtime_analytics(msg: Message) -> Result<RpcResponse, String> {
    let query: AnalyticsQuery = msg.deserialize_payload()?;
    let analytics = compute_realtime_analytics(query).await?;
    Ok(RpcResponse::success(&analytics, 0)?)
}

async fn compute_realtime_analytics(query: AnalyticsQuery) -> Result<Value, String> {
    let numbers: Value = get("analytics", "/realtime").await?;
    match numbers.get(&query.metric) {
        Some(value) => Ok(json!({ "metric": query.metric, "value": value })),
        None => Err(format!("not found: no metric {:?}", query.metric)),
    }
}
