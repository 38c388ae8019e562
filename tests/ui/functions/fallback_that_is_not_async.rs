use steadfast::prelude::*;

#[fallback("instead")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn instead(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
