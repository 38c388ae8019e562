use steadfast::prelude::*;

#[circuit_breaker("payments")]
struct Payments {
    amount: u64,
}

fn main() {}
