use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minute", by = "usr")]
async fn charge(msg: Message) -> Result<u64, String> {
    Ok(msg.deserialize_payload()?)
}

fn main() {}
