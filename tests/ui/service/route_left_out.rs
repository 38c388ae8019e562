use steadfast::prelude::*;

#[service_method]
async fn charge(msg: Message) -> Result<u64, String> {
    Ok(msg.deserialize_payload()?)
}

fn main() {}
