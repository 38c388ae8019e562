use steadfast::prelude::*;

#[idempotent]
async fn charge(amount: u64) -> Result<impl ToString, String> {
    Ok(amount)
}

fn main() {}
