use steadfast::prelude::*;

#[bulkhead("uploads", capacity = "64MiB")]
async fn upload(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
