//! `bulkhead_priority` with `preempt = true`: what matters most takes the permit of what matters least.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

#[bulkhead("workers", capacity = 2)]
async fn page(number: u32) -> Result<u32, String> {
    sleep(Duration::from_millis(50)).await;
    Ok(number)
}

/// Cut for a payment it answers 503, and nothing repeats it: it may have sent half of its mails.
#[bulkhead_priority("workers", priority = "background")]
async fn newsletter() -> Result<(), String> {
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

/// Cut, it runs again: it is idempotent.
#[idempotent]
#[retry(attempts = 3, base_delay = "50ms")]
#[bulkhead_priority("workers", priority = "low")]
async fn reindex(product: u32) -> Result<u32, String> {
    println!("  reindexing {product}");
    sleep(Duration::from_millis(300)).await;
    Ok(product)
}

#[bulkhead_priority("workers", priority = "high", preempt = true)]
async fn payment(amount: u32) -> Result<u32, String> {
    println!("  paying {amount}");
    sleep(Duration::from_millis(50)).await;
    Ok(amount)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _runtime = Runtime::builder().build()?;
    println!("a page: {:?}", page(1).await);
    println!("both workers are busy with little things:");
    let newsletter = tokio::spawn(newsletter());
    let reindex = tokio::spawn(reindex(7));
    sleep(Duration::from_millis(20)).await;
    println!("two payments come, and wait for nobody to finish:");
    let payments = [tokio::spawn(payment(10)), tokio::spawn(payment(20))];
    for payment in payments {
        println!("  paid: {:?}", payment.await?);
    }
    println!("the newsletter: {:?}", newsletter.await?);
    println!("the reindexing, once repeated: {:?}", reindex.await?);
    Ok(())
}
