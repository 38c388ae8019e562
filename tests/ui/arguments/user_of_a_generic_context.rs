use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minute", by = "ip")]
async fn charge<T: Send>(message: T) -> Result<u64, String> {
    drop(message);
    Ok(1)
}

fn main() {}
