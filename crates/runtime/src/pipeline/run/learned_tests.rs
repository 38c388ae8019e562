//! What a call gets of adaptive timeouts, shedding and brown-outs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::rejection::RejectionKind;
use steadfast_actors::settings::Settings;

use crate::pipeline::Pipeline;
use crate::{Degradation, Rejection, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

fn runtime() -> Runtime {
    Runtime::builder().isolated().build().unwrap()
}

fn named(name: &str) -> Settings {
    Settings::new().with("name", name)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn settled() {
    tokio::time::sleep(millis(1)).await;
}

async fn takes(pipeline: &Pipeline, time: u64) -> Result<u32> {
    pipeline
        .call(|| async move {
            tokio::time::sleep(millis(time)).await;
            Ok(1)
        })
        .await
}

fn learning() -> Settings {
    Settings::new().with("base_timeout", "1s").with("max_timeout", "8s")
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_cut_by_what_recent_ones_needed_and_a_cut_raises_that_at_once() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("page").layer("adaptive_timeout", learning()).build(&runtime).unwrap();
    for _ in 0..200 {
        assert!(takes(&pipeline, 50).await.is_ok());
    }
    settled().await;
    let learned = runtime.registry().adaptive("page").unwrap();
    let limit = learned.limit(false);
    assert!(limit > millis(100) && limit < millis(110), "{limit:?}");
    let begun = runtime.clock().now();
    assert_eq!(takes(&pipeline, 150).await.unwrap_err().kind(), RejectionKind::Timeout);
    // Timers are no finer than a millisecond.
    assert!(runtime.clock().now().since(begun) - limit <= millis(1));
    settled().await;
    assert_eq!(learned.limit(false), limit * 2);
    assert!(takes(&pipeline, 150).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_the_breaker_gets_the_base_however_little_was_needed_before() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("page")
        .layer("circuit_breaker", named("db").with("recovery_timeout", "5s"))
        .layer("adaptive_timeout", learning())
        .build(&runtime)
        .unwrap();
    for _ in 0..200 {
        assert!(takes(&pipeline, 20).await.is_ok());
    }
    for _ in 0..10 {
        let failed = pipeline.call(|| async { Err::<u32, _>(Rejection::timed_out("db", millis(1))) }).await;
        assert!(failed.is_err());
    }
    settled().await;
    assert!(runtime.registry().adaptive("page").unwrap().limit(false) < millis(50));
    tokio::time::sleep(millis(5_100)).await;
    // Cold caches: the first answers take much longer than what was learned.
    for _ in 0..3 {
        assert!(takes(&pipeline, 800).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn observed_it_cuts_nothing_and_off_it_is_no_layer() {
    for mode in ["observe", "off"] {
        let runtime = runtime();
        let layer = learning().with("mode", mode);
        let pipeline = Pipeline::builder("page").layer("adaptive_timeout", layer).build(&runtime).unwrap();
        assert!(takes(&pipeline, 60_000).await.is_ok());
        let learned = runtime.registry().adaptive("page");
        assert_eq!(learned.map(|learned| learned.would_cut()), (mode == "observe").then_some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_inside_have_limits_of_their_own() {
    let runtime = runtime();
    let outer = Pipeline::builder("outer").layer("adaptive_timeout", learning()).build(&runtime).unwrap();
    let inner = Pipeline::builder("inner").layer("adaptive_timeout", learning()).build(&runtime).unwrap();
    for _ in 0..100 {
        let result: Result<u32> = outer.call(|| takes(&inner, 20)).await;
        assert!(result.is_ok());
    }
    settled().await;
    for name in ["outer", "inner"] {
        assert_eq!(runtime.registry().adaptive(name).unwrap().status().samples, 100, "{name}");
    }
}

/// Three callers a millisecond apart for so long, each of which needs 10 ms of the one place; how many were answered,
/// and the waits of those in order.
async fn crowd(pipeline: &'static Pipeline, lasts: u64) -> (u32, Vec<RejectionKind>) {
    let mut calls = Vec::new();
    for _ in 0..lasts / 3 {
        tokio::time::sleep(millis(3)).await;
        calls.push(tokio::spawn(takes(pipeline, 10)));
    }
    let (mut answered, mut refused) = (0, Vec::new());
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => answered += 1,
            Err(rejection) => refused.push(rejection.kind()),
        }
    }
    (answered, refused)
}

fn leaked(pipeline: Pipeline) -> &'static Pipeline {
    Box::leak(Box::new(pipeline))
}

#[tokio::test(start_paused = true)]
async fn calls_that_would_wait_too_long_are_turned_away_before_they_wait() {
    let runtime = runtime();
    let pool = |name: &str| named(name).with("capacity", 1).with("queue", 100);
    let shedding = Pipeline::builder("shedding")
        .layer("shed", Settings::new().with("target_delay", "20ms"))
        .layer("bulkhead", pool("shedding"))
        .build(&runtime)
        .unwrap();
    let waiting = Pipeline::builder("waiting").layer("bulkhead", pool("waiting")).build(&runtime).unwrap();
    let (answered, refused) = crowd(leaked(shedding), 6_000).await;
    let shed = refused.iter().filter(|kind| **kind == RejectionKind::Shed).count();
    assert!(shed * 10 > refused.len() * 7, "{shed} of {} refusals", refused.len());
    assert!(answered >= 500, "{answered} of the 600 that it can serve");
    let status = runtime.registry().shed("shedding").unwrap().status();
    assert_eq!(usize::try_from(status.shed[1]).unwrap(), shed);
    // Without it the line is full, and whoever gets through has waited as long as it is.
    let (_, refused) = crowd(leaked(waiting), 6_000).await;
    assert!(refused.iter().all(|kind| *kind == RejectionKind::Full));
}

#[tokio::test(start_paused = true)]
async fn sites_of_one_pool_share_what_sheds_and_the_lowest_class_goes_first() {
    let runtime = runtime();
    let site = |name: &str, priority: &str| {
        let pipeline = Pipeline::builder(name)
            .layer("shed", Settings::new())
            .layer("bulkhead", named("db").with("capacity", 1).with("queue", 100))
            .layer("bulkhead_priority", named("db").with("priority", priority))
            .build(&runtime)
            .unwrap();
        leaked(pipeline)
    };
    let (user, batch) = (site("user", "high"), site("batch", "background"));
    // One in four is a user's: 83 a second, of the hundred that can be served.
    let mut calls = Vec::new();
    for round in 0..2_000_u32 {
        tokio::time::sleep(millis(3)).await;
        let is_user = round % 4 == 0;
        calls.push((is_user, tokio::spawn(takes(if is_user { user } else { batch }, 10))));
    }
    let mut refused = [0, 0];
    for (is_user, call) in calls {
        refused[usize::from(is_user)] += u32::from(call.await.unwrap().is_err());
    }
    let [batch, users] = refused;
    assert!(users < 10 && batch > 1_000, "{users} of 500 users, {batch} of 1,500 batch calls");
    assert!(runtime.registry().shed("user").is_none() && runtime.registry().shed("db").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_degrading_handler_that_was_shed_runs_reduced_in_the_lane_of_its_pool_and_then_503() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("page")
        .layer("shed", Settings::new())
        .layer("bulkhead", named("db").with("capacity", 2).with("queue", 50))
        .layer("degrade_gracefully", Settings::new())
        .build(&runtime)
        .unwrap();
    let pipeline = leaked(pipeline);
    let mut calls = Vec::new();
    for _ in 0..600 {
        tokio::time::sleep(millis(5)).await;
        calls.push(tokio::spawn(async move {
            pipeline
                .call(|| async {
                    tokio::time::sleep(millis(40)).await;
                    let degradation = Degradation::current();
                    Ok::<_, Rejection>((degradation.is_down("db"), degradation.optional_parts_are_off()))
                })
                .await
        }));
    }
    let (mut full, mut reduced, mut shed) = (0, 0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok((down, off)) => {
                assert_eq!(down, off);
                if off { reduced += 1 } else { full += 1 }
            }
            Err(rejection) => {
                assert_eq!(rejection.http_status(), 503);
                shed += u32::from(rejection.kind() == RejectionKind::Shed);
            }
        }
    }
    assert!(full > 100 && reduced > 20 && shed > 50, "{full} whole, {reduced} reduced, {shed} refused");
    assert_eq!(runtime.registry().bulkhead("db").unwrap().in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn under_stress_optional_parts_are_left_out_the_least_important_first_until_the_target_is_met() {
    let runtime = runtime();
    let page = Pipeline::builder("page")
        .layer("timeout", Settings::new().with("total", "400ms"))
        .layer("degrade_gracefully", Settings::new())
        .build(&runtime)
        .unwrap();
    // What each part costs grows with the load; 100 ms without any.
    let cost = AtomicU32::new(10);
    let seen = Mutex::new([0_u32; 3]);
    let one = async || {
        let part = async |order: u32, name: &str| {
            let part = async {
                tokio::time::sleep(millis(u64::from(cost.load(Ordering::Relaxed)))).await;
                Ok::<u32, Rejection>(order)
            };
            if Degradation::optional(name, order, part).await.is_some() {
                seen.lock().unwrap()[order as usize] += 1;
            }
        };
        let result: Result<u32> = page
            .call(|| async {
                tokio::time::sleep(millis(100)).await;
                part(0, "price").await;
                part(1, "reviews").await;
                part(2, "others").await;
                Ok(1)
            })
            .await;
        result
    };
    let run = async |calls: u32| {
        *seen.lock().unwrap() = [0; 3];
        for _ in 0..calls {
            let _ = one().await;
        }
        *seen.lock().unwrap()
    };
    assert_eq!(run(200).await, [200, 200, 200], "130 ms of the 200 that are the target");
    cost.store(70, Ordering::Relaxed);
    run(300).await;
    let [price, reviews, others] = run(300).await;
    assert!(price >= reviews && reviews >= others, "{price} {reviews} {others}");
    assert!(price > 250 && others < 50, "{price} {reviews} {others}: 170 ms with one part, 240 with two");
    let dimmer = runtime.registry().brownout("page").unwrap().status().dimmer;
    assert!((200..=800).contains(&dimmer), "{dimmer}");
    cost.store(10, Ordering::Relaxed);
    run(400).await;
    assert_eq!(run(100).await, [100, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_nobody_said_what_is_slow_and_nothing_is_dimmed() {
    let runtime = runtime();
    let page =
        Pipeline::builder("page").layer("degrade_gracefully", Settings::new()).build(&runtime).unwrap();
    assert!(takes(&page, 60_000).await.is_ok());
    assert!(runtime.registry().brownout("page").is_none());
    assert!(page.describe().to_string().contains("while a pool is full"));
}
