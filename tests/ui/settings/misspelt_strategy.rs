use steadfast::prelude::*;

#[retry(strategy = "exponentail")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
