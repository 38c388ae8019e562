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

#[circuit_breaker("recommendations", failure_threshold = 2)]
#[degrade_gracefully]
async fn product_page(product: u32) -> Result<RpcResponse, String> {
    let degradation = Degradation::current();
    if degradation.is_down("recommendations") {
        println!("  recommendations are down, and the page is made all the same");
    }
    let page = json!({
        "product": product,
        "reviews": Degradation::optional("reviews", 1, reviews(product)).await,
        "recommendations": Degradation::optional("recommendations", 2, recommendations(product)).await,
    });
    Ok(RpcResponse::success(&page, 0)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _runtime = Runtime::builder().build()?;
    for product in 1..=4 {
        let page = product_page(product).await?;
        println!("{} degraded: {}", page.body(), page.is_degraded());
    }
    Ok(())
}
