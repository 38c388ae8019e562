//! `adaptive_timeout`, `bulkhead(adaptive = ..)`, `shed` and the brown-out of `degrade_gracefully`: figures that are
//! found in place of being fixed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steadfast::prelude::*;
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// How long the dependency needs at present, in milliseconds.
static TAKES: AtomicU64 = AtomicU64::new(5);
/// The places of the database.
static DATABASE: Semaphore = Semaphore::const_new(8);

#[adaptive_timeout(base_timeout = "1s", max_timeout = "5s")]
async fn lookup() -> Result<(), String> {
    sleep(Duration::from_millis(TAKES.load(Ordering::Relaxed))).await;
    Ok(())
}

/// Nobody has to know that the database has eight places: it begins with 40, and finds out.
#[bulkhead("database", capacity = 40, queue = 200, adaptive = "gradient")]
async fn query() -> Result<(), String> {
    let place = DATABASE.acquire().await.map_err(|closed| closed.to_string())?;
    sleep(Duration::from_millis(10)).await;
    drop(place);
    Ok(())
}

#[shed(target_delay = "20ms")]
#[bulkhead("reports", capacity = 2, queue = 500)]
#[bulkhead_priority("reports", priority = "low")]
async fn report() -> Result<(), String> {
    sleep(Duration::from_millis(10)).await;
    Ok(())
}

async fn part(name: &'static str) -> Result<&'static str, String> {
    sleep(Duration::from_millis(TAKES.load(Ordering::Relaxed))).await;
    Ok(name)
}

/// Of a page that takes too long the suggestions go first, and then the reviews.
#[degrade_gracefully(latency_target = "40ms")]
async fn page() -> Result<String, String> {
    let price = part("price").await?;
    let reviews = Degradation::optional("reviews", 1, part("reviews")).await;
    let suggestions = Degradation::optional("suggestions", 2, part("suggestions")).await;
    Ok([Some(price), reviews, suggestions].into_iter().flatten().collect::<Vec<&str>>().join(", "))
}

fn site(runtime: &Runtime, function: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(runtime.describe(function)?.site)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let runtime = Runtime::builder().build()?;

    println!("a timeout begins at 1 s, and comes down to twice what is needed:");
    for _ in 0..100 {
        lookup().await?;
    }
    let learned = runtime.registry().adaptive(&site(&runtime, "lookup")?).ok_or("it was called")?;
    println!("  {:?} after a hundred calls of 5 ms", learned.limit(false));
    TAKES.store(60, Ordering::Relaxed);
    let mut cut = 0;
    while lookup().await.is_err() {
        cut += 1;
    }
    println!("  at 60 ms {cut} calls were cut, then it was {:?}", learned.limit(false));

    println!("a limit finds out what its dependency takes:");
    let callers: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn(async {
                for _ in 0..25 {
                    let _ = query().await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    let pool = runtime.registry().bulkhead("database").ok_or("it was called")?;
    println!("  from 40 to {} at once, for a database of eight", pool.status().capacity);

    println!("calls that would wait too long are turned away at once:");
    let mut calls = Vec::new();
    for _ in 0..600 {
        sleep(Duration::from_millis(1)).await;
        calls.push(tokio::spawn(report()));
    }
    let mut answered = 0;
    for call in calls {
        answered += u32::from(call.await?.is_ok());
    }
    let shed = runtime.registry().shed("reports").ok_or("it was called")?;
    println!(
        "  {answered} of 600 were answered, {} were turned away before they waited",
        shed.status().shed.iter().sum::<u64>()
    );

    println!("a page leaves parts out while it is too slow:");
    for (takes, calls) in [(5, 100), (25, 100), (5, 300)] {
        TAKES.store(takes, Ordering::Relaxed);
        let mut last = String::new();
        for _ in 0..calls {
            last = page().await?;
        }
        println!("  parts of {takes} ms each: {last}");
    }
    Ok(())
}
