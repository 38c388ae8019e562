use steadfast::prelude::*;

#[service_method("GET /charges")]
async fn charge() -> Result<u64, String> {
    Ok(1)
}

fn main() {}
