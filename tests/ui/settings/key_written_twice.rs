use steadfast::prelude::*;

#[retry(attempts = 3, attempts = 4)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
