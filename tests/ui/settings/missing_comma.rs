use steadfast::prelude::*;

#[retry(attempts = 3 jitter = false)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
