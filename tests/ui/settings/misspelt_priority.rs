use steadfast::prelude::*;

#[bulkhead_priority("orders", priority = "hihg")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
