use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[retry(attempts = 3)]
async fn charge(order: Order, times: u32) -> Result<u64, String> {
    Ok(order.amount * u64::from(times))
}

fn main() {}
