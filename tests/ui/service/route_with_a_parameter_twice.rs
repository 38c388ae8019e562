use steadfast::prelude::*;

#[service_method("GET /charges/:id/items/:id")]
async fn charge(msg: Message) -> Result<u64, String> {
    Ok(msg.deserialize_payload()?)
}

fn main() {}
