use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[fallback("instead")]
async fn charge(order: Order, times: u32) -> Result<u64, String> {
    Ok(order.amount * u64::from(times))
}

async fn instead(order: Order, times: u32) -> Result<u64, String> {
    Ok(order.amount + u64::from(times))
}

fn main() {}
