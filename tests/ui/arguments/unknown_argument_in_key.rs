use steadfast::prelude::*;

#[idempotent(key = "arg:order_id")]
async fn charge() -> Result<u64, String> {
    Ok(1)
}

fn main() {}
