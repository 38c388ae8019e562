use steadfast::prelude::*;

#[rate_limit(requests = 10, per = "minute", by = "arg:tennant")]
async fn charge(tenant: String, amount: u64) -> Result<u64, String> {
    Ok(amount + tenant.len() as u64)
}

fn main() {}
