use steadfast::prelude::*;

#[circuit_breaker("shards", by = "arg:shrad")]
async fn read(shard: u32, row: u32) -> Result<u32, String> {
    Ok(shard + row)
}

fn main() {}
