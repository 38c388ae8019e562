use steadfast::prelude::*;

#[adaptive_timeout(base_timeout = "30s", max_timeout = "5s")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
