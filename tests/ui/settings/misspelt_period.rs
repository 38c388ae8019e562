use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minuet")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
