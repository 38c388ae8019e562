use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[hedge(after = "p95", unsafe_duplicates = true)]
async fn charge(order: Order, times: u32) -> Result<u64, String> {
    Ok(order.amount * u64::from(times))
}

fn main() {}
