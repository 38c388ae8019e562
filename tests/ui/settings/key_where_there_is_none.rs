use steadfast::prelude::*;

#[metrics(every = "1s")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
