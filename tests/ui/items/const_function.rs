use steadfast::prelude::*;

#[timeout("1s")]
const fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
