use steadfast::prelude::*;

#[retry(strategy = 'e')]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
