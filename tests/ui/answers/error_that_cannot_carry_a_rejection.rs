use steadfast::prelude::*;

#[derive(Debug)]
enum PayError {
    Declined,
}

#[circuit_breaker("payments")]
#[retry(attempts = 3)]
async fn charge(amount: u64) -> Result<u64, PayError> {
    if amount == 0 { Err(PayError::Declined) } else { Ok(amount) }
}

fn main() {}
