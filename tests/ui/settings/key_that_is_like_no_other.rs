use steadfast::prelude::*;

#[timeout("1s", colour = "red")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
