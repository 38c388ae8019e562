use steadfast::prelude::*;

#[timeout("1s")]
async fn charge(amount: u64) {
    drop(amount);
}

fn main() {}
