//! `circuit_breaker` and `fallback`: a dependency that fails is spared for a while, then asked again by a few probes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use steadfast::pipeline::Failure;
use steadfast::prelude::*;

static DOWN: AtomicBool = AtomicBool::new(true);

#[circuit_breaker("prices", failure_threshold = 3, recovery_timeout = "300ms", success_threshold = 2)]
async fn price(product: u32) -> Result<u32, String> {
    println!("  the price service is asked for {product}");
    if DOWN.load(Ordering::Relaxed) { Err("HTTP 503".to_owned()) } else { Ok(product * 100) }
}

#[circuit_breaker("prices", failure_threshold = 3, recovery_timeout = "300ms", success_threshold = 2)]
#[fallback("list_price")]
async fn price_or_list_price(product: u32) -> Result<u32, String> {
    println!("  the price service is asked for {product}");
    if DOWN.load(Ordering::Relaxed) { Err("HTTP 503".to_owned()) } else { Ok(product * 100) }
}

/// A fallback may ask why it is called.
async fn list_price(product: u32, failure: &Failure<String>) -> Result<u32, String> {
    println!("  fallback, because of: {}", failure.kind);
    Ok(product * 120)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().build()?;
    let breaker = runtime.registry().breaker("prices").ok_or("the breaker was declared above")?;
    println!("three failures open it; then nobody is asked any more:");
    for product in 1..=5 {
        println!("{:?}, {:?}", price(product).await, breaker.state());
    }
    println!("with a fallback there is an answer all the same:");
    println!("{:?}", price_or_list_price(6).await);
    println!("300 ms later the service is back, and two successes close the breaker:");
    DOWN.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(320)).await;
    for product in 7..=9 {
        println!("{:?}, {:?}", price(product).await, breaker.state());
    }
    Ok(())
}
