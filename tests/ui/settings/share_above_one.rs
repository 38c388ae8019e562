use steadfast::prelude::*;

#[circuit_breaker("payments", failure_rate_threshold = 1.5)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
