use steadfast::prelude::*;

#[circuit_breaker("payments", recovery_timeout = "5 parsecs")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
