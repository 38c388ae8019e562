use steadfast::prelude::*;

#[require_auth]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
