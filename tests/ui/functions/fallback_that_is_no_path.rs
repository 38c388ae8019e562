use steadfast::prelude::*;

#[fallback("try the cache")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
