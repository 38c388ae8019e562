use steadfast::prelude::*;

#[timeout("1s")]
async fn charge(amount: u64) -> u64 {
    amount
}

fn main() {}
