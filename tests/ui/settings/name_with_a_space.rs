use steadfast::prelude::*;

#[circuit_breaker("the payments")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
