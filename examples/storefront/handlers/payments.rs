//! Taking money.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::prelude::*;

use crate::backends::client::post;

/// An amount is in the currency's smallest unit.
#[derive(Debug, Serialize, Deserialize)]
pub struct PaymentRequest {
    amount: u64,
    currency: String,
}

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
    let result = process_payment_charge(payment).await?;
    Ok(RpcResponse::success(&result, 0)?)
}

async fn process_payment_charge(payment: PaymentRequest) -> Result<Value, String> {
    post("payment_processor", "/charges", &payment).await
}
