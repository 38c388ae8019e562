use steadfast::prelude::*;

#[retry(backoff = "wiats")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
