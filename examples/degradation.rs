//! `degrade_gracefully`: less is better than nothing, and the answer says that it is less.

use steadfast::prelude::*;

#[circuit_breaker("recommendations", failure_threshold = 2)]
async fn recommendations(product: u32) -> Result<Vec<u32>, String> {
    println!("  recommendations for {product} are asked for");
    Err("HTTP 503".to_owned())
}

async fn reviews(_product: u32) -> Result<&'static str, String> {
    Ok("boils in a gale")
}

/// A part that the page can do without is left out where it fails.
#[degrade_gracefully]
async fn product_page(product: u32) -> Result<RpcResponse, String> {
    let page = json!({
        "product": product,
        "reviews": Degradation::optional("reviews", 1, reviews(product)).await,
        "recommendations": Degradation::optional("recommendations", 2, recommendations(product)).await,
    });
    Ok(RpcResponse::success(&page, 0)?)
}

/// Runs also while its own breaker is open, and is told so.
#[circuit_breaker("recommendations", failure_threshold = 2)]
#[degrade_gracefully]
async fn start_page() -> Result<RpcResponse, String> {
    let shown = if Degradation::current().is_down("recommendations") { "bestsellers" } else { "for you" };
    Ok(RpcResponse::success(&json!({ "shown": shown }), 0)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _runtime = Runtime::builder().build()?;
    println!("two failures open the breaker of the recommendations; the pages go on without them:");
    for product in 1..=4 {
        let page = product_page(product).await?;
        println!("{} degraded: {}", page.body(), page.is_degraded());
    }
    println!("a page behind that very breaker is made all the same:");
    let page = start_page().await?;
    println!("{} degraded: {}", page.body(), page.is_degraded());
    Ok(())
}
