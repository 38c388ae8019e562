use steadfast::prelude::*;

const ATTEMPTS: u32 = 3;

#[retry(attempts = ATTEMPTS)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

#[timeout(std::time::Duration::from_secs(3))]
async fn refund(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
