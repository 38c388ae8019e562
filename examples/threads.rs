//! A bulkhead of kind `threads`: blocking work on threads of its own, so that it takes none of anybody else's.

use std::time::Duration;

use steadfast::Bulkhead;
use steadfast::prelude::*;

/// Sums what it can within the call's deadline: blocking work cannot be cut, but it can look at the time.
#[timeout("100ms")]
#[bulkhead("reports", kind = "threads", capacity = 2)]
async fn report(rows: u64) -> Result<String, String> {
    let work = move || {
        let mut sum = 0_u64;
        for row in 0..rows {
            sum = sum.wrapping_mul(31).wrapping_add(row);
            let is_over =
                row.is_multiple_of(4_096) && Deadline::remaining().is_some_and(|left| left.is_zero());
            if is_over {
                return format!("left off after {row} rows");
            }
        }
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        format!("{sum:x} by {thread}")
    };
    Ok(Bulkhead::blocking(work).await?)
}

#[bulkhead("reports")]
async fn broken_report() -> Result<u32, String> {
    Ok(Bulkhead::blocking(|| "four".parse::<u32>().expect("a number")).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().build()?;
    println!("{}", runtime.describe("report")?);
    println!("a small report: {:?}", report(1_000).await);
    println!("one that takes for ever: {:?}", report(u64::MAX).await);
    let pool = runtime.registry().bulkhead("reports").ok_or("no such pool")?;
    println!("its caller has its answer; its permit comes back when the thread is free:");
    while pool.in_use() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("  {} in use", pool.in_use());
    let panicked = tokio::spawn(broken_report()).await;
    println!("a panic is its caller's ({}), and the threads go on:", panicked.is_err());
    println!("{:?}", report(1_000).await);
    Ok(())
}
