//! A bulkhead of kind `memory`: calls take bytes of it, and one that could never fit is refused at once.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

/// By the bytes of the message's body, where nothing else is written.
#[bulkhead("uploads", capacity = "64KiB", max_wait = "50ms")]
async fn upload(msg: Message) -> Result<usize, Rejection> {
    sleep(Duration::from_millis(100)).await;
    Ok(msg.body().len())
}

/// By an argument: a number of bytes, or the length of a text.
#[bulkhead("thumbnails", capacity = "8MiB", cost = "arg:bytes")]
async fn thumbnail(name: &'static str, bytes: u64) -> Result<String, Rejection> {
    Ok(format!("{name} within {bytes} bytes"))
}

/// By a function of the arguments: a picture takes four bytes for each of its points.
#[bulkhead("pictures", capacity = "8MiB", cost = points)]
async fn picture(width: u64, height: u64) -> Result<u64, Rejection> {
    Ok(width * height)
}

fn points(width: &u64, height: &u64) -> u64 {
    width.saturating_mul(*height).saturating_mul(4)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().build()?;
    let body = |bytes: usize| Message::builder().body("x".repeat(bytes)).build();
    println!("64 KiB for uploads; two of 30 KiB fit, the third waits in vain:");
    let uploads = [30_000, 30_000, 30_000].map(|bytes| tokio::spawn(upload(body(bytes))));
    sleep(Duration::from_millis(10)).await;
    let pool = runtime.registry().bulkhead("uploads").ok_or("no such pool")?;
    println!("  {} of {} bytes are taken", pool.in_use(), pool.config().capacity());
    for upload in uploads {
        println!("  {:?}", upload.await?.map_err(|refusal| refusal.to_string()));
    }
    let refused = upload(body(100_000)).await.err().map(|refusal| refusal.to_string());
    println!("one of 100 kB is refused at once: {refused:?}");
    println!("by an argument: {:?}", thumbnail("cat.png", 2_000_000).await);
    println!("by a function: {:?}", picture(1_000, 1_000).await);
    println!("and too large: {:?}", picture(10_000, 1_000).await.map_err(|refusal| refusal.to_string()));
    Ok(())
}
