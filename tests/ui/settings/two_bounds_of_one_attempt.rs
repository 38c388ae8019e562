use steadfast::prelude::*;

#[timeout("30s", per_attempt = "5s")]
#[adaptive_timeout(base_timeout = "1s", max_timeout = "5s")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
