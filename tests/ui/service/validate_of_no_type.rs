use steadfast::prelude::*;

#[validate("Charge")]
async fn charge(msg: Message) -> Result<u64, String> {
    Ok(msg.deserialize_payload()?)
}

fn main() {}
