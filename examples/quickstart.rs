//! The smallest service: a call that is tried twice, spared while its breaker is open, and always answered.

use steadfast::prelude::*;

#[circuit_breaker("weather", failure_threshold = 4)]
#[retry(attempts = 2, base_delay = "10ms")]
#[fallback("usual_weather")]
async fn weather(town: String) -> Result<String, String> {
    println!("  asking for the weather in {town}");
    Err("connection refused".to_owned())
}

async fn usual_weather(_town: String) -> Result<String, String> {
    Ok("rain, as usual".to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().name("quickstart").build()?;
    for call in 1..=3 {
        let answer = weather("Bergen".to_owned()).await?;
        println!("call {call}: {answer}");
    }
    println!("{}", runtime.describe("weather")?);
    Ok(())
}
