use steadfast::prelude::*;

#[circuit_breaker("payments", "refunds")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
