use steadfast::prelude::*;

#[retry(attempts = 3, crate = "not a path")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
