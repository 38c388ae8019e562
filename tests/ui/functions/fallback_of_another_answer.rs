use steadfast::prelude::*;

#[fallback("instead")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

async fn instead(amount: u64) -> Result<String, String> {
    Ok(amount.to_string())
}

fn main() {}
