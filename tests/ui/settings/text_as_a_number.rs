use steadfast::prelude::*;

#[retry(attempts = "three")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
