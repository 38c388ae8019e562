//! `rate_limit`: how often somebody may call, and by what they are told apart.

use std::time::Duration;

use steadfast::prelude::*;

#[rate_limit(requests = 3, per = "second", by = "user")]
async fn upload(msg: Message) -> Result<String, String> {
    Ok(format!("stored for {}", msg.get_user_id()?))
}

/// Everybody together; a token bucket lets a burst pass, then refills evenly.
#[rate_limit(requests = 10, per = "second", algorithm = "token_bucket", burst = 2)]
async fn search() -> Result<&'static str, Rejection> {
    Ok("found")
}

/// A call may cost more than one.
#[rate_limit(requests = 10, per = "minute", by = "arg:tenant", cost = "rows")]
async fn export(tenant: String, table: Vec<u32>) -> Result<usize, String> {
    println!("  {} rows for {tenant}", table.len());
    Ok(table.len())
}

fn rows(_tenant: &str, table: &[u32]) -> u64 {
    table.len() as u64
}

#[tokio::main]
async fn main() -> Result<(), Rejection> {
    println!("three a second for each user:");
    for user in ["ann", "ann", "ann", "ann", "bob"] {
        println!("  {user}: {:?}", upload(Message::builder().user_id(user).build()).await);
    }
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    println!("  a second later, ann: {:?}", upload(Message::builder().user_id("ann").build()).await);
    println!("ten a second for everybody, two at once:");
    for _ in 0..3 {
        match search().await {
            Ok(found) => println!("  {found}"),
            Err(refusal) => println!("  {refusal}; again in {:?}", refusal.retry_after()),
        }
    }
    println!("ten rows a minute for each tenant:");
    for count in [6, 6, 4] {
        println!("  {:?}", export("acme".to_owned(), vec![0; count]).await);
    }
    Ok(())
}
