//! What a call costs that passes a whole stack of layers, every permit asked of its actor and every outcome sent to it.

use criterion::{Criterion, criterion_group, criterion_main};
use steadfast::pipeline::Pipeline;
use steadfast::{Rejection, Runtime};
use steadfast_actors::settings::Settings;

fn stack(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let (bare, full) = tokio.block_on(async {
        let runtime = Runtime::builder().isolated().build().expect("a runtime");
        let bare = Pipeline::builder("bare").build(&runtime).expect("a pipeline");
        let full = Pipeline::builder("full")
            .layer("rate_limit", Settings::new().with("requests", 1_000_000_000).with("per", "second"))
            .layer("timeout", Settings::new().with("total", "10s"))
            .layer("throttle", Settings::new().with("max_concurrent", 100))
            .layer("retry", Settings::new().with("attempts", 3))
            .layer("circuit_breaker", Settings::new().with("name", "stack"))
            .layer("bulkhead", Settings::new().with("name", "stack").with("capacity", 100))
            .layer("timeout", Settings::new().with("per_attempt", "1s"))
            .build(&runtime)
            .expect("a pipeline");
        (bare, full)
    });
    for (name, pipeline) in
        [("no layers", bare), ("limiter, throttle, retry, breaker, bulkhead, timeouts", full)]
    {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let called: Result<u32, Rejection> = tokio.block_on(pipeline.call(|| async { Ok(1) }));
                called.expect("it is let through")
            });
        });
    }
}

criterion_group!(benches, stack);
criterion_main!(benches);
