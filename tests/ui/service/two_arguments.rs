use steadfast::prelude::*;

#[service_method("GET /charges")]
async fn charge(msg: Message, amount: u64) -> Result<u64, String> {
    drop(msg);
    Ok(amount)
}

fn main() {}
