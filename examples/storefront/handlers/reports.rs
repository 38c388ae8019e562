//! Reports that take a while.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::post;

/// Comes as the query of a `GET`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReportRequest {
    name: String,
    months: Option<u32>,
}

#[service_method("GET /reports/complex")]
#[require_auth]
#[timeout("30s")]
pub async fn generate_complex_report(msg: Message) -> Result<RpcResponse, String> {
    let report_params: ReportRequest = msg.deserialize_payload()?;
    let report = generate_detailed_report(report_params).await?;
    Ok(RpcResponse::success(&report, 0)?)
}

async fn generate_detailed_report(params: ReportRequest) -> Result<Value, String> {
    post("reports", "/reports", &params).await
}
