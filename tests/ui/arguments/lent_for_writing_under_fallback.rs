use steadfast::prelude::*;

#[fallback("instead")]
async fn charge(total: &mut u64) -> Result<u64, String> {
    Ok(*total)
}

async fn instead(total: &mut u64) -> Result<u64, String> {
    Ok(*total)
}

fn main() {}
