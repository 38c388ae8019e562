//! Actors that crash under a load from several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::actors::breaker::BreakerState;
use steadfast::actors::machine::Kind;
use steadfast::prelude::*;

use super::client::{builder, server};

static RUNNING: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

#[service_method("GET /crashes/loaded/:id")]
#[rate_limit(requests = 100_000, per = "hour", name = "crashes-limit")]
#[throttle(max_concurrent = 16, queue = 64, name = "crashes-throttle")]
#[circuit_breaker("crashes-breaker", failure_threshold = 1)]
#[bulkhead("crashes-pool", capacity = 3, queue = 64)]
async fn loaded(msg: Message) -> Result<String, String> {
    MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    RUNNING.fetch_sub(1, Ordering::SeqCst);
    Ok(msg.get_path_param("id")?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_and_no_pool_overflows_while_all_actors_crash_under_load() {
    let server = Arc::new(server(builder()).await);
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                for round in 0..25 {
                    let answer = server.get(&format!("/crashes/loaded/{client}-{round}"), &[]).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    let actors = [
        (Kind::Limiter, "crashes-limit"),
        (Kind::Throttle, "crashes-throttle"),
        (Kind::Breaker, "crashes-breaker"),
        (Kind::Bulkhead, "crashes-pool"),
    ];
    for _ in 0..4 {
        for (kind, name) in actors {
            // Some more calls come in between two crashes, however fast the machine is.
            let seen = server.get("/crashes/loaded/between", &[]).await;
            assert_eq!(seen.status, 200, "{seen:?}");
            server.runtime.registry().crash(kind, name).await.unwrap().unwrap();
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    let registry = server.runtime.registry();
    let pool = registry.bulkhead("crashes-pool").unwrap();
    // What was given back last may still be on its way to its actor.
    while pool.in_use() + registry.throttle("crashes-throttle").unwrap().in_use() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(MOST.load(Ordering::SeqCst) <= 3, "{MOST:?}");
    assert_eq!(registry.breaker("crashes-breaker").unwrap().state(), BreakerState::Closed);
    let crashed = registry.actors();
    let restarts = |name| crashed.iter().find(|actor| actor.name == name).unwrap().restarts;
    assert_eq!(actors.map(|(_, name)| restarts(name)), [4; 4]);
}
