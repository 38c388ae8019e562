use steadfast::prelude::*;

#[retry(attempts = 3)]
#[circuit_breaker("payments")]
async fn charge(amount: u64) -> Result<u64, String> {
    let amount: u32 = amount;
    Ok("done")
}

fn main() {}
