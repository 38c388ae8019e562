use steadfast::prelude::*;

#[bulkhead("uploads", capacity = "64MiB", cost = "arg:bytes")]
#[rate_limit(requests = 10, per = "minute", cost = "arg:amonut")]
async fn upload(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
