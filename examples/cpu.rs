//! A bulkhead of kind `cpu`: handlers share processor time, so that a heavy one starves nobody. It measures the split on
//! one thread: `cargo run --release --example cpu -- 5` does so for five seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steadfast::actors::clock::{Clock, Stopwatch};
use steadfast::prelude::*;

#[bulkhead("analytics", kind = "cpu", share = 0.2)]
async fn analytics(whole: Duration, used: &AtomicU64) -> Result<(), String> {
    busy(whole, used).await
}

#[bulkhead("search", kind = "cpu", share = 0.6)]
async fn search(whole: Duration, used: &AtomicU64) -> Result<(), String> {
    busy(whole, used).await
}

/// Never waits for anything, but lets others go in between: a poll that does not return cannot be stopped.
async fn busy(whole: Duration, used: &AtomicU64) -> Result<(), String> {
    let watch = Stopwatch::start();
    while watch.elapsed() < whole {
        // Of this thread: what others do on the machine meanwhile is not counted.
        let begun = Clock::thread_cpu(false);
        let mut sum = 0_u64;
        while Clock::thread_cpu(false) - begun < Duration::from_micros(500) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        let took = Clock::thread_cpu(false) - begun;
        used.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().build()?;
    let seconds = std::env::args().nth(1).map_or(Ok(1.0), |seconds| seconds.parse::<f64>())?;
    for site in ["search", "analytics"] {
        println!("{}", runtime.describe(site)?);
    }
    let (of_search, of_analytics) = (AtomicU64::new(0), AtomicU64::new(0));
    let whole = Duration::from_secs_f64(seconds);
    let (searched, analysed) = tokio::join!(search(whole, &of_search), analytics(whole, &of_analytics));
    searched?;
    analysed?;
    let share = |used: &AtomicU64| 100.0 * used.load(Ordering::Relaxed) as f64 / (seconds * 1e6);
    println!("both were busy for {seconds} s on one thread, and got of its processor time:");
    println!("  search    {:.1} % of 60 %", share(&of_search));
    println!("  analytics {:.1} % of 20 %", share(&of_analytics));
    Ok(())
}
