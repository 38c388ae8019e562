use steadfast::prelude::*;

#[retry(attempts = 3, budget = { ratoi = 0.2 })]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
