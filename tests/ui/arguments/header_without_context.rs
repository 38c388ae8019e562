use steadfast::prelude::*;

#[idempotent(key = "header:Idempotency-Key")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
