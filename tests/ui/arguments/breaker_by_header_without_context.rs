use steadfast::prelude::*;

#[circuit_breaker("hosts", by = "header:X-Host")]
async fn read(row: u32) -> Result<u32, String> {
    Ok(row)
}

fn main() {}
