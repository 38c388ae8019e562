use steadfast::prelude::*;

#[hedge(after = "p95")]
#[service_method("POST /charges")]
async fn charge(msg: Message) -> Result<u64, String> {
    Ok(msg.deserialize_payload()?)
}

fn main() {}
