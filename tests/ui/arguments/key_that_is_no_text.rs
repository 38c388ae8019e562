use steadfast::prelude::*;

struct Order {
    amount: u64,
}

#[rate_limit(requests = 10, per = "minute", by = "arg:order")]
async fn charge(order: Order) -> Result<u64, String> {
    Ok(order.amount)
}

fn main() {}
