use steadfast::prelude::*;

#[retry(attempts = 3)]
async fn charge(amount: impl ToString) -> Result<String, String> {
    Ok(amount.to_string())
}

fn main() {}
