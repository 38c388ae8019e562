use steadfast::prelude::*;

#[timeout("1s")]
#[metrics]
#[timeout("2s")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
