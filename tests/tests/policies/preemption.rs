use std::time::Duration;

use steadfast::{Rejection, Runtime};

use super::{millis, named, pipeline, runtime};

/// How long an urgent call waits for a place in a pool that calls of the lowest class have filled with half a minute of
/// work each.
async fn urgent_call_waits(runtime: &Runtime, preempt: bool) -> Duration {
    let class = |priority: &str| named("workers").with("priority", priority);
    let settings = named("workers").with("capacity", 4).with("max_wait", "1m");
    // One that nobody calls: it says how large the pool is.
    let _pool = pipeline(runtime, "pool", |layers| layers.layer("bulkhead", settings));
    let batch = pipeline(runtime, "batch", |layers| layers.layer("bulkhead_priority", class("low")));
    let urgent = pipeline(runtime, "urgent", |layers| {
        layers.layer("bulkhead_priority", class("high").with("preempt", preempt))
    });
    for _ in 0..4 {
        let batch = batch.clone();
        tokio::spawn(async move {
            batch
                .call(|| async {
                    millis(30_000).await;
                    Ok::<_, Rejection>(())
                })
                .await
        });
    }
    millis(10).await;
    let asked = runtime.clock().now();
    urgent.call(async || Ok::<_, Rejection>(runtime.clock().now().since(asked))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_urgent_call_takes_a_place_at_once_where_it_would_wait_for_half_a_minute() {
    assert!(urgent_call_waits(&runtime(), true).await < Duration::from_millis(10));
    assert!(urgent_call_waits(&runtime(), false).await > Duration::from_secs(29));
}
