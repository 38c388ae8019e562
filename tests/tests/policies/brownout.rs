use std::sync::Arc;
use std::time::Duration;

use steadfast::actors::settings::Settings;
use steadfast::{Degradation, Rejection};
use tokio::sync::Semaphore;

use super::{millis, pipeline, runtime};

/// A server with twenty workers, each busy for 50 ms with a request: 400 in a second.
async fn ask(server: &Semaphore) -> Result<(), Rejection> {
    let _worker = server.acquire().await.unwrap();
    millis(50).await;
    Ok(())
}

/// Of thirty seconds of pages, 200 in a second, the share that is served in the last twenty: each asks a server once for
/// what it can't do without, and twice for parts that are optional. That is one and a half times what the server can do.
async fn served(dims: bool) -> f64 {
    let runtime = runtime();
    let page = pipeline(&runtime, "page", |layers| {
        let layers = layers.layer("timeout", Settings::new().with("total", "800ms"));
        if dims { layers.layer("degrade_gracefully", Settings::new()) } else { layers }
    });
    let server = Arc::new(Semaphore::new(20));
    let mut pages = Vec::new();
    for _ in 0..6_000 {
        let (page, server) = (page.clone(), Arc::clone(&server));
        pages.push(tokio::spawn(async move {
            page.call(|| async {
                ask(&server).await?;
                Degradation::optional("reviews", 1, ask(&server)).await;
                Degradation::optional("suggestions", 2, ask(&server)).await;
                Ok::<_, Rejection>(())
            })
            .await
            .is_ok()
        }));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut served = 0_u32;
    for page in pages.into_iter().skip(2_000) {
        served += u32::from(page.await.unwrap());
    }
    f64::from(served) / 4_000.0
}

#[tokio::test(start_paused = true)]
async fn a_page_that_dims_stays_up_under_a_load_that_takes_a_whole_one_down() {
    let (dimmed, whole) = (served(true).await, served(false).await);
    assert!(dimmed > 0.95 && whole < 0.5, "{dimmed} of the pages are served dimmed, {whole} whole");
}
