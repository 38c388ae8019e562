use steadfast::prelude::*;

#[timeout("30")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
