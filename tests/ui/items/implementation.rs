use steadfast::prelude::*;

struct Payments;

#[circuit_breaker("payments")]
impl Payments {
    async fn charge(&self, amount: u64) -> Result<u64, String> {
        Ok(amount)
    }
}

fn main() {}
