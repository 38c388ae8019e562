//! `bulkhead`, `bulkhead_priority` and `throttle`: how many run at once, who waits, and who goes first.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

#[bulkhead("kitchen", capacity = 2, queue = 4, max_wait = "2s")]
async fn dish(number: u32) -> Result<u32, String> {
    cook(&format!("dish {number}")).await;
    Ok(number)
}

#[bulkhead_priority("kitchen", priority = "high")]
async fn dish_for_the_critic(number: u32) -> Result<u32, String> {
    cook(&format!("dish {number} for the critic")).await;
    Ok(number)
}

#[bulkhead_priority("kitchen", priority = "low")]
async fn dish_for_the_staff(number: u32) -> Result<u32, String> {
    cook(&format!("dish {number} for the staff")).await;
    Ok(number)
}

async fn cook(what: &str) {
    println!("  cooking {what}");
    sleep(Duration::from_millis(100)).await;
}

/// Held for the whole call, its retries and waits included, where a bulkhead is held for each attempt.
#[throttle(max_concurrent = 2, queue = 1)]
async fn table(number: u32) -> Result<u32, String> {
    sleep(Duration::from_millis(100)).await;
    Ok(number)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _runtime = Runtime::builder().build()?;
    println!("two cooks, four dishes may wait, the critic's goes first and the staff's last:");
    let busy = [tokio::spawn(dish(1)), tokio::spawn(dish(2))];
    sleep(Duration::from_millis(10)).await;
    let staff = tokio::spawn(dish_for_the_staff(3));
    sleep(Duration::from_millis(10)).await;
    let waits = tokio::spawn(dish(4));
    sleep(Duration::from_millis(10)).await;
    let critic = tokio::spawn(dish_for_the_critic(5));
    for dish in busy.into_iter().chain([staff, waits, critic]) {
        dish.await??;
    }
    println!("two tables, one guest may wait, the others are sent away at once:");
    let guests: Vec<_> = (1..=5).map(|guest| tokio::spawn(table(guest))).collect();
    for guest in guests {
        println!("  {:?}", guest.await?);
    }
    Ok(())
}
