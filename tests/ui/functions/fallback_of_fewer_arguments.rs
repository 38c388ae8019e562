use steadfast::prelude::*;

#[fallback("instead")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

async fn instead() -> Result<u64, String> {
    Ok(0)
}

fn main() {}
