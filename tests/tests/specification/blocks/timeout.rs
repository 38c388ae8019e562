#[service_method("GET /reports/complex")]
#[require_auth]
#[timeout("30s")]
pub async fn generate_complex_report(msg: Message) -> Result<RpcResponse, String> {
    let report_params: ReportRequest = msg.deserialize_payload()?;
    
    // Operation automatically cancelled after 30 seconds
    // Prevents:
    // - Resource exhaustion from hanging operations
    // - Poor user experience from slow responses
    // - Cascade failures from accumulated delays
    
    let report = generate_detailed_report(report_params).await?;
    Ok(RpcResponse::success(&report, 0)?)
}
