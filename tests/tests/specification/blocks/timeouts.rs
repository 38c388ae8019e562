// Quick operations
#[timeout("2s")]
async fn quick() -> Result<u32, String> {
    stub::run("quick").await
}

// Database queries
#[timeout("5s")]
async fn query() -> Result<u32, String> {
    stub::run("query").await
}

// External API calls
#[timeout("10s")]
async fn external() -> Result<u32, String> {
    stub::run("external").await
}

// Heavy processing
#[timeout("60s")]
async fn heavy() -> Result<u32, String> {
    stub::run("heavy").await
}

// Batch operations
#[timeout("300s")]
async fn batch() -> Result<u32, String> {
    stub::run("batch").await
}
