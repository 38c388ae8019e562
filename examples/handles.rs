//! Handles: what the actors do for the macros, they do for code without macros.

use steadfast::prelude::*;

#[circuit_breaker("mail", failure_threshold = 2, recovery_timeout = "10s")]
async fn mail(to: u32) -> Result<u32, String> {
    Err(format!("connection refused: {to}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().name("handles").build()?;
    let breaker = runtime.registry().breaker("mail").ok_or("the breaker was declared above")?;
    println!("an operator sees and sets what an actor holds:");
    for to in 1..=3 {
        println!("  {:?}; {:?}", mail(to).await, breaker.state());
    }
    breaker.force_close().await;
    println!("  forced closed: {:?}; {:?}", mail(4).await, breaker.state());
    breaker.reset().await;
    println!("  reset: {:?}", breaker.state());

    println!("an actor that crashes comes back with what it knew:");
    for to in 5..=6 {
        println!("  {:?}; {:?}", mail(to).await, breaker.state());
    }
    runtime.registry().crash(breaker.hosted().kind(), "mail").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    println!("  {:?}", mail(7).await);
    for actor in runtime.registry().actors() {
        println!("  {} {}: {}, restarts {}", actor.kind, actor.name, actor.state, actor.restarts);
    }
    Ok(())
}
