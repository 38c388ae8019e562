use steadfast::prelude::*;

#[timeout_cascade(percentage = 0)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
