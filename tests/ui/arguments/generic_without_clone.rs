use steadfast::prelude::*;

#[retry(attempts = 3)]
async fn charge<T: ToString>(amount: T) -> Result<String, String> {
    Ok(amount.to_string())
}

fn main() {}
