//! `hedge`: a read that takes unusually long gets a second attempt beside it; the first answer wins.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

static RUNS: AtomicU32 = AtomicU32::new(0);

/// One run in twenty hangs, as where one replica of a store is busy with itself.
#[hedge(after = "p90", unsafe_duplicates = true)]
async fn read(key: u32) -> Result<u32, String> {
    let hangs = RUNS.fetch_add(1, Ordering::Relaxed) % 20 == 19;
    sleep(Duration::from_millis(if hangs { 2_000 } else { 20 })).await;
    Ok(key)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let runtime = Runtime::builder().build()?;
    println!("{}", runtime.describe("read")?);
    let mut slowest = Duration::ZERO;
    for key in 0..100 {
        let begun = runtime.clock().now();
        read(key).await?;
        // The first calls only teach it what is usual.
        if key >= 40 {
            slowest = slowest.max(runtime.clock().now().since(begun));
        }
    }
    let site = runtime.describe("read")?.site;
    let status = runtime.registry().hedge(&site).map(|hedge| hedge.status());
    println!("{status:?}");
    println!(
        "the slowest of the last 60 reads took {} ms; alone it would have been 2,000",
        slowest.as_millis()
    );
    Ok(())
}
