use steadfast::prelude::*;

#[service_method("GET /charges")]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
