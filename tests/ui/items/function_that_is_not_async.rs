use steadfast::prelude::*;

#[retry(attempts = 3)]
fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
