use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[idempotent]
async fn charge(order: Order) -> Result<u64, String> {
    Ok(order.amount)
}

fn main() {}
