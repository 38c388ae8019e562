use steadfast::prelude::*;

#[derive(serde::Deserialize)]
struct Charge {
    amount: u64,
}

#[validate(Charge)]
async fn charge(msg: Message) -> Result<u64, String> {
    let charge: Charge = msg.deserialize_payload()?;
    Ok(charge.amount)
}

fn main() {}
