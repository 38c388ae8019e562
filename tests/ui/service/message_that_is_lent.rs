use steadfast::prelude::*;

#[service_method("GET /charges")]
async fn charges(msg: &Message) -> Result<String, String> {
    Ok(msg.get_user_id()?)
}

fn main() {}
