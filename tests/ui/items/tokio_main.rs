use steadfast::prelude::*;

#[tokio::main(flavor = "current_thread")]
#[timeout("1s")]
async fn main() -> Result<(), String> {
    Ok(())
}
