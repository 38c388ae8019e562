use std::hint::black_box;
use std::sync::Arc;

use steadfast::Runtime;
use steadfast::actors::bulkhead::{BulkheadConfig, BulkheadHandle, Priority};
use steadfast::actors::settings::Settings;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resilience_bulkhead::BulkheadLayer;

use super::{Case, Grounds, checked};
use crate::measure::{Work, work};

pub(super) fn pool(runtime: &Runtime, name: &str, settings: Settings) -> BulkheadHandle {
    let config = checked(settings, BulkheadConfig::from_settings);
    runtime.registry().declare_bulkhead(name, config, "peers").expect("the name is free")
}

fn free(pool: BulkheadHandle) -> Work {
    work(move |_, calls| {
        let pool = pool.clone();
        async move {
            for _ in 0..calls {
                drop(black_box(pool.acquire(Priority::Normal).await.expect("one is free")));
            }
        }
    })
}

/// One permit, held while the other thread waits for it.
fn handed_over(pool: BulkheadHandle) -> Work {
    work(move |_, calls| {
        let pool = pool.clone();
        async move {
            for _ in 0..calls {
                let permit = pool.acquire(Priority::Normal).await.expect("it comes back");
                tokio::task::yield_now().await;
                drop(permit);
            }
        }
    })
}

fn semaphore(permits: usize, held: bool) -> Work {
    let semaphore = Arc::new(Semaphore::new(permits));
    work(move |_, calls| {
        let semaphore = Arc::clone(&semaphore);
        async move {
            for _ in 0..calls {
                let permit = black_box(semaphore.acquire().await.expect("it is open"));
                if held {
                    tokio::task::yield_now().await;
                }
                drop(permit);
            }
        }
    })
}

async fn full(runtime: &Runtime) -> (BulkheadHandle, Arc<dyn std::any::Any + Send + Sync>) {
    let settings = Settings::new().with("capacity", 1).with("queue", 0);
    let pool = pool(runtime, "full", settings);
    let permit = pool.acquire(Priority::Normal).await.expect("one is free");
    (pool, Arc::new(permit))
}

fn refused(pool: BulkheadHandle, held: Arc<dyn std::any::Any + Send + Sync>) -> Work {
    work(move |_, calls| {
        let (pool, held) = (pool.clone(), Arc::clone(&held));
        async move {
            for _ in 0..calls {
                black_box(pool.acquire(Priority::Normal).await.expect_err("it is full"));
            }
            drop(held);
        }
    })
}

fn semaphore_refusing() -> Work {
    let semaphore = Arc::new(Semaphore::new(0));
    work(move |_, calls| {
        let semaphore = Arc::clone(&semaphore);
        async move {
            for _ in 0..calls {
                black_box(semaphore.try_acquire().expect_err("it is full"));
            }
        }
    })
}

fn tower_limit() -> Work {
    let service =
        ConcurrencyLimit::new(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }), 100);
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("one is free"));
            }
        }
    })
}

fn tower_resilience() -> Work {
    let layer = BulkheadLayer::builder().max_concurrent_calls(100).build().expect("it is right");
    let service = layer.layer(service_fn(|value: u32| async move { Ok::<u32, u32>(black_box(value)) }));
    work(move |_, calls| {
        let mut service = service.clone();
        async move {
            for _ in 0..calls {
                black_box(service.ready().await.expect("it is").call(1).await.expect("one is free"));
            }
        }
    })
}

pub(super) async fn cases(grounds: &Grounds) -> Vec<Case> {
    let both = |name: &str, capacity: i64| {
        [&grounds.on, &grounds.off]
            .map(|runtime| pool(runtime, name, Settings::new().with("capacity", capacity)))
    };
    let [wide, asked] = both("wide", 100);
    let [single, asked_single] = both("single", 1);
    let of = |pool: &BulkheadHandle| {
        let pool = pool.clone();
        move || pool.hosted().messages()
    };
    let (refusing, held) = full(&grounds.on).await;
    let what = "bulkhead acquire + drop, free";
    let mut handed = Case::new(
        "bulkhead handed over to a waiter, by the actor",
        "tokio Semaphore",
        handed_over(single.clone()),
        semaphore(1, true),
    )
    .within(f64::INFINITY, 4.0)
    .asking(handed_over(asked_single))
    .counting(of(&single));
    // One thread alone hands nothing over.
    handed.limits[0] = None;
    vec![
        Case::new(what, "tokio Semaphore", free(wide.clone()), semaphore(100, false))
            .within(0.4, 0.6)
            .asking(free(asked))
            .counting(of(&wide)),
        Case::new(what, "tower ConcurrencyLimit", free(wide.clone()), tower_limit()),
        Case::new(what, "tower-resilience bulkhead", free(wide), tower_resilience()),
        handed,
        Case::new(
            "bulkhead full, refusal",
            "tokio Semaphore",
            refused(refusing.clone(), held),
            semaphore_refusing(),
        )
        .counting(of(&refusing)),
    ]
}
