use steadfast::prelude::*;

#[retry(backoff = waits)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn waits(attempt: u64) -> u64 {
    attempt
}

fn main() {}
