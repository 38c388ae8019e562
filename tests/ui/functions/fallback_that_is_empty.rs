use steadfast::prelude::*;

#[fallback("")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
