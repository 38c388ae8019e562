use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minute", cost = "wieght")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
