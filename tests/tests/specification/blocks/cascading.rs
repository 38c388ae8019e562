#[timeout("30s")]
pub async fn parent_operation() -> Result<(), String> {
    // Child operations inherit reduced timeouts
    child_operation_1().await?; // ~10s timeout
    child_operation_2().await?; // ~10s timeout
    child_operation_3().await?; // ~10s timeout
    Ok(())
}
