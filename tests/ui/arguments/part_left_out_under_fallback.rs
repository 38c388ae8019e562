use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[fallback("instead")]
async fn charge(Order { .. }: Order) -> Result<u64, String> {
    Ok(1)
}

async fn instead(order: Order) -> Result<u64, String> {
    Ok(order.amount)
}

fn main() {}
