use steadfast::prelude::*;

#[retry(atempts = 3, base_delay = "1 s", strategy = "liner")]
#[circuit_breaker("payments", { failure_treshold = 3, recovery_timeout = 60 })]
#[timeout("0s")]
#[timeout("1s")]
fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
