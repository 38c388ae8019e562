use steadfast::prelude::*;

#[hedge(after = "p42", unsafe_duplicates = true)]
async fn charge(amount: u64) -> Result<u64, String> {
    Ok(amount)
}

fn main() {}
