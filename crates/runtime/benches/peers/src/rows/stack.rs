use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{Quota, RateLimiter};
use recloser::{AsyncRecloser, Recloser};
use steadfast::pipeline::Pipeline;
use steadfast::prelude::*;
use tokio::sync::Semaphore;
use tower::{Service as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::CircuitBreakerLayer;
use tower_resilience_ratelimiter::RateLimiterLayer;
use tower_resilience_retry::RetryLayer;
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::{Case, Failed, Grounds};
use crate::measure::{Work, work};

#[rate_limit(requests = 1_000_000_000, per = "second", name = "five")]
#[timeout("10s")]
#[retry(attempts = 3)]
#[circuit_breaker("five")]
#[bulkhead("five", capacity = 100)]
async fn five(value: u32) -> Result<u32, Failed> {
    Ok(black_box(value))
}

async fn unprotected(value: u32) -> Result<u32, Failed> {
    Ok(black_box(value))
}

fn annotated() -> Work {
    work(|_, calls| async move {
        for _ in 0..calls {
            black_box(five(black_box(1)).await.expect("it is let through"));
        }
    })
}

fn tower_resilience() -> Work {
    let service = ServiceBuilder::new()
        .layer(
            RateLimiterLayer::builder()
                .limit_for_period(1_000_000_000)
                .refresh_period(Duration::from_secs(1))
                .build()
                .expect("it is right"),
        )
        .layer(TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(10)).build())
        .layer(RetryLayer::<u32, u32, _>::builder().max_attempts(3).build())
        .layer(CircuitBreakerLayer::builder().sliding_window_size(100).build().expect("it is right"))
        .layer(BulkheadLayer::builder().max_concurrent_calls(100).build().expect("it is right"))
        .service(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                let ready = service.ready().await.expect("it is");
                black_box(ready.call(black_box(1)).await.expect("it is let through"));
            }
        }
    })
}

fn by_hand() -> Work {
    let quota = Quota::per_second(NonZeroU32::new(1_000_000_000).expect("it is not zero"));
    let limiter = Arc::new(RateLimiter::direct(quota));
    let semaphore = Arc::new(Semaphore::new(100));
    let breaker = AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(100).build());
    work(move |_, calls| {
        let (limiter, semaphore, breaker) = (Arc::clone(&limiter), Arc::clone(&semaphore), breaker.clone());
        async move {
            for _ in 0..calls {
                limiter.check().expect("there is plenty");
                let guarded = breaker.call(async {
                    let _permit = semaphore.acquire().await.expect("it is open");
                    unprotected(black_box(1)).await
                });
                let ended = tokio::time::timeout(Duration::from_secs(10), guarded).await;
                black_box(ended.expect("it is in time").expect("it is let through"));
            }
        }
    })
}

fn plain() -> Work {
    work(|_, calls| async move {
        for _ in 0..calls {
            black_box(unprotected(black_box(1)).await.expect("it succeeds"));
        }
    })
}

fn empty(runtime: &Runtime) -> Work {
    let pipeline = Pipeline::builder("bare").build(runtime).expect("there is nothing to refuse");
    work(move |_, calls| {
        let pipeline = pipeline.clone();
        async move {
            for _ in 0..calls {
                black_box(pipeline.call(|| unprotected(black_box(1))).await.expect("it succeeds"));
            }
        }
    })
}

pub(super) fn cases(grounds: &Grounds) -> Vec<Case> {
    let asks = {
        let off = grounds.off.clone();
        work(move |lane, calls| {
            let off = off.clone();
            async move { off.scope(annotated()(lane, calls)).await }
        })
    };
    let messages = {
        let registry = grounds.on.clone();
        move || {
            let registry = registry.registry();
            let breaker = registry.breaker("five").map(|handle| handle.hosted().messages());
            let pool = registry.bulkhead("five").map(|handle| handle.hosted().messages());
            let limiter = registry.limiter("five").map(|handle| handle.hosted().messages());
            [breaker, pool, limiter].into_iter().flatten().sum()
        }
    };
    let what = "annotated: breaker bulkhead limiter retry timeout";
    vec![
        Case::new(what, "tower-resilience, five layers", annotated(), tower_resilience())
            .within(0.06, 0.06)
            .asking(asks)
            .counting(messages),
        Case::new(what, "recloser governor Semaphore ..", annotated(), by_hand()).within(0.6, 0.4),
        Case::new("a pipeline without layers", "the handler alone", empty(&grounds.on), plain()),
    ]
}
