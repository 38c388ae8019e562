use steadfast::prelude::*;

#[retry(retry_on = ["timeout", "conection_error"])]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
