use steadfast::prelude::*;

struct Receipt(u64);

#[idempotent]
async fn charge(amount: u64) -> Result<Receipt, String> {
    Ok(Receipt(amount))
}

fn main() {}
