//! `timeout`, `timeout_cascade` and `adaptive_timeout`: no call waits for ever, and its parts share its time.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

#[timeout("200ms")]
async fn slow() -> Result<(), String> {
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

#[timeout("1s")]
async fn page() -> Result<String, String> {
    let header = part("header", 50).await?;
    let body = part("body", 10_000).await.unwrap_or_else(|refusal| format!("nothing ({refusal})"));
    Ok(format!("{header} and {body}"))
}

/// Gets 30 % of what its caller has in all, and never more than what its caller has left.
#[timeout_cascade(percentage = 30)]
async fn part(name: &'static str, takes: u64) -> Result<String, String> {
    let left = Deadline::remaining().map(|left| left.as_millis()).unwrap_or_default();
    println!("  {name} has {left} ms");
    sleep(Duration::from_millis(takes)).await;
    Ok(name.to_owned())
}

#[timeout("1s", per_attempt = "100ms")]
#[retry(attempts = 3, base_delay = "10ms")]
async fn each_attempt_has_its_own() -> Result<(), String> {
    println!("  an attempt");
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

#[adaptive_timeout(base_timeout = "200ms", max_timeout = "1s")]
async fn learned() -> Result<(), String> {
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

#[tokio::main]
async fn main() {
    println!("a call of 200 ms at most: {:?}", slow().await);
    println!("a page of one second, its parts of 30 % each:");
    println!("{:?}", page().await);
    println!("attempts of 100 ms each:");
    println!("{:?}", each_attempt_has_its_own().await);
    println!("a timeout that learns starts at its base: {:?}", learned().await);
}
