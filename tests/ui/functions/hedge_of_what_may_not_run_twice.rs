use steadfast::prelude::*;

#[hedge(after = "p95")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
