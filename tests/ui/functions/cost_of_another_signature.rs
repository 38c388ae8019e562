use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minute", cost = "weight")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn weight(name: &str) -> u64 {
    name.len() as u64
}

fn main() {}
