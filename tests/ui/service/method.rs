use steadfast::prelude::*;

struct Till;

impl Till {
    #[service_method("GET /charges")]
    async fn charge(&self, msg: Message) -> Result<u64, String> {
        Ok(msg.deserialize_payload()?)
    }
}

fn main() {}
