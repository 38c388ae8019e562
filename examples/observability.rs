//! `metrics` and `audit_log`: what happened, as numbers and as lines that only ever are added.

use std::io::{self, Write};

use steadfast::observe::Audit;
use steadfast::prelude::*;

#[metrics]
#[audit_log]
#[circuit_breaker("ledger", failure_threshold = 2)]
async fn book(msg: Message) -> Result<u32, String> {
    let account = msg.get_path_param("account")?;
    if account == "closed" { Err("HTTP 503".to_owned()) } else { Ok(7) }
}

/// Where the trail goes; a file by `Audit::file`.
struct Shown;

impl Write for Shown {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stdout().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().audit(Audit::writer(Shown)?).build()?;
    println!("a line for each call, who called and how it ended:");
    for account in ["ann", "closed", "closed", "bob"] {
        let message = Message::builder().user_id("clerk").path_param("account", account).build();
        let _ = book(message).await;
    }
    runtime.shutdown(std::time::Duration::from_secs(1)).await;
    println!("numbers go to whatever recorder the `metrics` crate has; steadfast_calls_total and the like");
    Ok(())
}
