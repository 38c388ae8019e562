use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::__private::{Inputs, Settings, Site, outcome, run_many};
use crate::{Degradation, Rejection, Runtime};
use steadfast_actors::breaker::BreakerState;

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "pools";

fn named(name: &str) -> Settings {
    Settings::new().with("name", name)
}

async fn slow(site: &'static Site) -> Result<u32> {
    run_many(site, outcome!(Result<u32>), Inputs::new(), || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(1)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_throttle_whose_queue_is_full_answers_503() {
    let site = site!("throttled", "throttle" => Settings::new().with("max_concurrent", 2).with("queue", 1));
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(slow(site))).collect();
    let mut refused = 0;
    for call in calls {
        if let Err(rejection) = call.await.unwrap() {
            assert_eq!(rejection.http_status(), 503);
            refused += 1;
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test(start_paused = true)]
async fn high_goes_before_low_in_one_pool_whatever_came_first() {
    let low = site!("low", "bulkhead_priority" => named("classes").with("priority", "low"));
    let high = site!("high", "bulkhead_priority" => named("classes").with("priority", "high"));
    let capacity = site!("holder", "bulkhead" => named("classes").with("capacity", 1).with("queue", 5));
    let holder = tokio::spawn(slow(capacity));
    tokio::task::yield_now().await;
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let noted = |site: &'static Site, word: &'static str| {
        tokio::spawn(run_many(site, outcome!(Result<u32>), Inputs::new(), move || async move {
            ORDER.lock().unwrap().push(word);
            Ok(1)
        }))
    };
    let first = noted(low, "low");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let second = noted(high, "high");
    for call in [holder, first, second] {
        call.await.unwrap().unwrap();
    }
    assert_eq!(*ORDER.lock().unwrap(), ["high", "low"]);
}

#[tokio::test(start_paused = true)]
async fn nested_use_of_one_name_passes_without_a_second_permit() {
    let outer = site!("outer", "bulkhead" => named("nested").with("capacity", 1));
    let inner = site!("inner", "bulkhead" => named("nested"));
    let answer = run_many(outer, outcome!(Result<u32>), Inputs::new(), || slow(inner)).await;
    assert_eq!(answer, Ok(1));
    let pool = Runtime::current().registry().bulkhead("nested").unwrap();
    tokio::task::yield_now().await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn nested_use_of_one_breaker_reports_once() {
    let outer = site!("reports-outer", "circuit_breaker" => named("once").with("failure_threshold", 2));
    let inner = site!("reports-inner", "circuit_breaker" => named("once").with("failure_threshold", 2));
    let failing = || {
        run_many(outer, outcome!(std::result::Result<u32, String>), Inputs::new(), || {
            run_many(inner, outcome!(std::result::Result<u32, String>), Inputs::new(), || async {
                Err("HTTP 500".to_owned())
            })
        })
    };
    assert_eq!(failing().await, Err("HTTP 500".to_owned()));
    let breaker = Runtime::current().registry().breaker("once").unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(failing().await, Err("HTTP 500".to_owned()));
    assert_eq!(breaker.state(), BreakerState::Open);
}

type Text = std::result::Result<u32, String>;

/// A site and, inside it, one of the same breaker that fails; the outer one goes on without it if it may.
async fn around_a_failing_part(outer: &'static Site, inner: &'static Site, then: fn(Text) -> Text) -> Text {
    run_many(outer, outcome!(Text), Inputs::new(), || async move {
        let part = run_many(inner, outcome!(Text), Inputs::new(), || async { Err("HTTP 500".to_owned()) });
        then(part.await)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_counts_for_its_breaker_though_the_call_around_it_goes_on() {
    let outer = site!("swallows", "circuit_breaker" => named("swallowed").with("failure_threshold", 2));
    let inner = site!("swallowed", "circuit_breaker" => named("swallowed").with("failure_threshold", 2));
    assert_eq!(around_a_failing_part(outer, inner, |_| Ok(1)).await, Ok(1));
    let breaker = Runtime::current().registry().breaker("swallowed").unwrap();
    assert_eq!((breaker.state(), breaker.status().counts.total), (BreakerState::Closed, 1));
    assert_eq!(around_a_failing_part(outer, inner, |_| Ok(1)).await, Ok(1));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_beside_a_part_that_worked_counts_too() {
    let outer = site!("beside", "circuit_breaker" => named("beside").with("failure_threshold", 1));
    let inner = site!("works", "circuit_breaker" => named("beside").with("failure_threshold", 1));
    let answer = run_many(outer, outcome!(Text), Inputs::new(), || async {
        run_many(inner, outcome!(Text), Inputs::new(), || async { Ok::<u32, String>(1) }).await?;
        Err("HTTP 500".to_owned())
    });
    assert_eq!(answer.await, Err("HTTP 500".to_owned()));
    let breaker = Runtime::current().registry().breaker("beside").unwrap();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_only_probe_serves_a_call_and_the_part_inside_it() {
    fn settings() -> Settings {
        named("probed").with("failure_threshold", 1).with("success_threshold", 1)
    }
    let outer = site!("probes", "circuit_breaker" => settings());
    let inner = site!("probed", "circuit_breaker" => settings());
    assert!(around_a_failing_part(outer, inner, |answer| answer).await.is_err());
    let breaker = Runtime::current().registry().breaker("probed").unwrap();
    assert_eq!(breaker.state(), BreakerState::Open);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let answer = run_many(outer, outcome!(Text), Inputs::new(), || {
        run_many(inner, outcome!(Text), Inputs::new(), || async { Ok::<u32, String>(1) })
    });
    assert_eq!(answer.await, Ok(1));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_and_the_wait_for_it_never_open_a_breaker() {
    let site = site!(
        "waiting",
        "circuit_breaker" => named("waiting").with("failure_threshold", 1).with("slow_call_duration", "600ms")
            .with("minimum_requests", 1),
        "bulkhead" => named("waiting").with("capacity", 1).with("queue", 1),
    );
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(slow(site))).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap().is_ok());
    }
    // The second took 1 s with its wait, the third found no room; neither is the dependency's fault.
    assert_eq!(answers.iter().filter(|ok| **ok).count(), 2);
    let breaker = Runtime::current().registry().breaker("waiting").unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_bulkheads_permit_is_free_during_a_backoff_and_a_throttles_is_not() {
    let site = site!(
        "backoff",
        "throttle" => named("backoff").with("max_concurrent", 5),
        "retry" => Settings::new().with("attempts", 2).with("jitter", false),
        "bulkhead" => named("backoff").with("capacity", 5),
    );
    let runs = AtomicU32::new(0);
    let call = run_many(site, outcome!(std::result::Result<u32, String>), Inputs::new(), || {
        let failed = runs.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if failed { Err("HTTP 503".to_owned()) } else { Ok(1) } }
    });
    let look = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let registry = Runtime::current();
        let registry = registry.registry();
        (registry.bulkhead("backoff").unwrap().in_use(), registry.throttle("backoff").unwrap().in_use())
    };
    let (answer, seen) = tokio::join!(call, look);
    assert_eq!(answer, Ok(1));
    assert_eq!(seen, (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_degrading_handler_runs_reduced_in_the_lane_of_a_full_pool_and_then_503() {
    let site = site!(
        "reduced",
        "bulkhead" => named("reduced").with("capacity", 10).with("queue", 0),
        "degrade_gracefully" => Settings::new(),
    );
    let reduced = || async {
        let off = Degradation::current().optional_parts_are_off();
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(off)
    };
    let calls: Vec<_> = (0..12)
        .map(|_| tokio::spawn(run_many(site, outcome!(Result<bool>), Inputs::new(), reduced)))
        .collect();
    let (mut whole, mut off, mut refused) = (0, 0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(false) => whole += 1,
            Ok(true) => off += 1,
            Err(rejection) => {
                assert_eq!(rejection.http_status(), 503);
                refused += 1;
            }
        }
    }
    assert_eq!((whole, off, refused), (10, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pool_has_thecapacity_of_the_file_else_of_another_site_else_64() {
    let without = site!("without", "bulkhead" => named("capacity"));
    let with = site!("with", "bulkhead" => named("capacity").with("capacity", 7));
    slow(without).await.unwrap();
    let pool = Runtime::current().registry().bulkhead("capacity").unwrap();
    assert_eq!(pool.config().capacity(), 64);
    slow(with).await.unwrap();
    assert_eq!(pool.config().capacity(), 7);
    let file = "[bulkhead.capacity]\ncapacity = 3\n";
    let runtime = Runtime::builder().isolated().config_text(file).build().unwrap();
    runtime.scope(slow(without)).await.unwrap();
    runtime.scope(slow(with)).await.unwrap();
    assert_eq!(runtime.registry().bulkhead("capacity").unwrap().config().capacity(), 3);
}
