use steadfast::prelude::*;

#[retry(attempts = 3)]
async fn charge(total: &mut u64, amount: u64) -> Result<u64, String> {
    *total += amount;
    Ok(*total)
}

fn main() {}
