//! The same layers without macros: put together in code, and checked where they are built.

use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::actors::settings::Settings;
use steadfast::pipeline::Pipeline;
use steadfast::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().name("pipeline").build()?;
    let charge = Pipeline::builder("charge")
        .layer("timeout", Settings::new().with("total", "2s"))
        .layer("retry", Settings::new().with("attempts", 3).with("base_delay", "20ms"))
        .layer("circuit_breaker", Settings::new().with("name", "payments"))
        .build(&runtime)?;
    println!("{}", charge.describe());

    let runs = AtomicU32::new(0);
    let receipt: Result<u32, String> = charge
        .call(|| async {
            let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
            println!("attempt {run}");
            if run < 3 { Err("HTTP 503".to_owned()) } else { Ok(run) }
        })
        .await;
    println!("{receipt:?}");

    println!("\nan order that cannot be meant is refused, and so is a setting:");
    let mistakes = Pipeline::builder("wrong")
        .layer("retry", Settings::new().with("atempts", 3))
        .layer("timeout", Settings::new().with("total", "2 seconds"))
        .build(&runtime);
    if let Err(mistakes) = mistakes {
        println!("{mistakes}");
    }
    Ok(())
}
