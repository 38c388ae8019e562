//! `idempotent`: the same request again is answered by the first run, also while that still runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::prelude::*;

static CHARGES: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Receipt {
    number: u32,
    amount: u64,
}

/// Without a key of the caller's own, the arguments are what makes two requests the same.
#[idempotent]
async fn charge(account: String, amount: u64) -> Result<Receipt, String> {
    let number = CHARGES.fetch_add(1, Ordering::Relaxed) + 1;
    println!("  charge {number}: {amount} from {account}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    if amount == 0 {
        Err("validation error: nothing to charge".to_owned())
    } else {
        Ok(Receipt { number, amount })
    }
}

/// With the caller's key; who comes while the first run lasts waits for its result.
#[idempotent(key = "arg:key", on_conflict = "wait")]
async fn order(key: String, amount: u64) -> Result<Receipt, String> {
    let receipt = charge(format!("account of {key}"), amount).await?;
    Ok(receipt)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("the same charge twice is one charge:");
    println!("{:?}", charge("ann".to_owned(), 500).await);
    println!("{:?}", charge("ann".to_owned(), 500).await);
    println!("another amount is another charge:");
    println!("{:?}", charge("ann".to_owned(), 700).await);
    println!("a second one while the first still runs is refused:");
    let (first, second) = tokio::join!(charge("bob".to_owned(), 1), charge("bob".to_owned(), 1));
    println!("{first:?}\n{second:?}");
    println!("or it waits, where the site says so:");
    let (first, second) = tokio::join!(order("k1".to_owned(), 5), order("k1".to_owned(), 5));
    println!("{first:?}\n{second:?}");
    println!("an error is not stored, so that a repeat can run:");
    println!("{:?}", charge("eve".to_owned(), 0).await);
    println!("{:?}", charge("eve".to_owned(), 0).await);
    Ok(())
}
