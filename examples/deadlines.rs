//! A call's deadline goes with it: into tasks, and over HTTP to another process, whose clock is not ours.

use std::time::Duration;

use steadfast::deadline::parse_deadline_ms;
use steadfast::prelude::*;
use tokio::time::sleep;

#[timeout("1s")]
async fn page() -> Result<String, String> {
    sleep(Duration::from_millis(200)).await;
    // `tokio::spawn` would know of no deadline, and go on after the page was answered.
    let reviews = steadfast::spawn(reviews());
    let endless = steadfast::spawn(std::future::pending::<()>());
    println!("  {}", reviews.await.map_err(|error| error.to_string())???);
    println!("  endless: {:?}", endless.await.map_err(|error| error.to_string())?);
    Ok("never answered: the second task took all of its time".to_owned())
}

#[timeout_cascade(percentage = 30)]
async fn reviews() -> Result<String, String> {
    let left = Deadline::remaining().map(|left| left.as_millis()).unwrap_or_default();
    Ok(format!("reviews have {left} ms, 30 % of a second"))
}

/// For any client: the headers are read again for each attempt, so that each says what is left by then.
#[timeout("1s")]
async fn request() -> Result<Vec<(&'static str, String)>, String> {
    sleep(Duration::from_millis(250)).await;
    Ok(Deadline::headers().collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Runtime::builder().build()?;
    println!("a page with two tasks, its deadline in one second:");
    println!("{:?}", page().await);
    let headers = request().await?;
    println!("what it sends with a request after 250 ms of 1 s: {headers:?}");
    let millis = headers.iter().find(|(name, _)| *name == "x-deadline-ms").ok_or("no header")?;
    let there = Runtime::builder().name("another process").isolated().build()?;
    there.clock().shift_wall(Duration::from_secs(3_600), true);
    let left = there.serving(Some(parse_deadline_ms(&millis.1)?), async { Deadline::remaining() }).await;
    println!("what is left where the clock shows an hour ago: {left:?}");
    drop(here);
    Ok(())
}
