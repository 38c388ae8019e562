#[service_method("POST /payments/charge")]
#[require_auth]
#[circuit_breaker("payment_processor", {
    failure_threshold = 3,
    failure_rate_threshold = 0.5,
    minimum_requests = 10,
    recovery_timeout = "60s",
    success_threshold = 5
})]
pub async fn charge_payment(msg: Message) -> Result<RpcResponse, String> {
    let payment: PaymentRequest = msg.deserialize_payload()?;
    
    // Custom circuit breaker for payment service:
    // - Opens after 50% failure rate with min 10 requests
    // - Stays open for 60 seconds
    // - Requires 5 consecutive successes to close
    
    let result = process_payment_charge(payment).await?;
    Ok(RpcResponse::success(&result, 0)?)
}
