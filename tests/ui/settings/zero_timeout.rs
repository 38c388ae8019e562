use steadfast::prelude::*;

#[timeout("0s")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
