use steadfast::prelude::*;

#[fallback("instead")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

async fn instead(name: String) -> Result<u64, String> {
    Ok(name.len() as u64)
}

fn main() {}
