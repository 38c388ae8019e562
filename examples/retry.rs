//! `retry`: what may pass is tried again after a growing wait; the caller's fault is not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::prelude::*;

static ATTEMPT: AtomicU32 = AtomicU32::new(0);

fn attempt() -> u32 {
    let attempt = ATTEMPT.fetch_add(1, Ordering::Relaxed) + 1;
    println!("  attempt {attempt}");
    attempt
}

#[retry(attempts = 3, base_delay = "100ms")]
async fn flaky() -> Result<&'static str, String> {
    if attempt() < 3 { Err("connection reset".to_owned()) } else { Ok("it worked") }
}

#[retry(attempts = 3, base_delay = "100ms")]
async fn wrong_request() -> Result<(), String> {
    attempt();
    Err("validation error: the amount is missing".to_owned())
}

#[retry(attempts = 4, strategy = "custom", backoff = "every_fifty")]
async fn with_waits_of_ones_own() -> Result<(), String> {
    attempt();
    Err("timed out".to_owned())
}

fn every_fifty(_attempt: u32) -> Duration {
    Duration::from_millis(50)
}

#[retry({ attempts = 3, strategy = "fixed", base_delay = "50ms", retry_on = ["timeout"] })]
async fn only_on_timeouts() -> Result<(), String> {
    attempt();
    Err("HTTP 503".to_owned())
}

fn anew(what: &str) {
    println!("{what}:");
    ATTEMPT.store(0, Ordering::Relaxed);
}

#[tokio::main]
async fn main() {
    anew("a fault that passes");
    println!("{:?}", flaky().await);
    anew("the caller's own fault");
    println!("{:?}", wrong_request().await);
    anew("waits from a function of one's own");
    println!("{:?}", with_waits_of_ones_own().await);
    anew("only timeouts are tried again");
    println!("{:?}", only_on_timeouts().await);
}
