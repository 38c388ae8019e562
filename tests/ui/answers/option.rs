use steadfast::prelude::*;

#[timeout("1s")]
async fn charge(amount: u64) -> Option<u64> {
    Some(amount)
}

fn main() {}
