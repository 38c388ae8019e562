use steadfast::prelude::*;

#[fallback(|amount: u64| async move { Ok(amount) })]
#[retry(attempts = 2, backoff = |number| number)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
