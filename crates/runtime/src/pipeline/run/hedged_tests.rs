use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::settings::Settings;

use crate::Runtime;
use crate::pipeline::Pipeline;

type Result<T> = std::result::Result<T, String>;

fn runtime() -> Runtime {
    Runtime::builder().isolated().build().unwrap()
}

fn hedge(after: &str) -> Settings {
    Settings::new().with("after", after)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn settled() {
    tokio::time::sleep(millis(1)).await;
}

/// Takes what each run is to do: how many milliseconds it takes, and what it then returns.
async fn runs(pipeline: &Pipeline, each: &[(u64, Result<u32>)]) -> (Result<u32>, u32) {
    let run = AtomicU32::new(0);
    let result = pipeline.call(|| {
        let index = run.fetch_add(1, Ordering::Relaxed) as usize;
        let (takes, result) =
            each.get(index).cloned().unwrap_or((0, Err("HTTP 500: one too many".to_owned())));
        async move {
            tokio::time::sleep(millis(takes)).await;
            result
        }
    });
    let result = result.await;
    (result, run.into_inner())
}

fn failed<T>(text: &str) -> Result<T> {
    Err(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_answers_for_a_slow_first_one_which_is_dropped_then() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read").layer("hedge", hedge("50ms")).build(&runtime).unwrap();
    let (dropped, run) = (Mutex::new(Vec::new()), AtomicU32::new(0));
    let begun = runtime.clock().now();
    let result: Result<u32> = pipeline
        .call(|| {
            let (run, dropped) = (run.fetch_add(1, Ordering::Relaxed), &dropped);
            async move {
                struct Gone<'a>(u32, &'a Mutex<Vec<u32>>);
                impl Drop for Gone<'_> {
                    fn drop(&mut self) {
                        self.1.lock().unwrap().push(self.0);
                    }
                }
                let _gone = Gone(run, dropped);
                tokio::time::sleep(millis(if run == 0 { 10_000 } else { 20 })).await;
                Ok(run)
            }
        })
        .await;
    assert_eq!(result, Ok(1));
    assert_eq!(runtime.clock().now().since(begun), millis(70));
    assert_eq!(*dropped.lock().unwrap(), [1, 0], "the loser is gone before the answer is given");
    settled().await;
    let status = runtime.registry().hedge("read").unwrap().status();
    assert_eq!((status.begun, status.won), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_answers_in_time_stays_alone_and_one_that_fails_is_not_repeated() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read").layer("hedge", hedge("50ms")).build(&runtime).unwrap();
    assert_eq!(runs(&pipeline, &[(49, Ok(7))]).await, (Ok(7), 1));
    assert_eq!(runs(&pipeline, &[(49, failed("HTTP 503"))]).await, (failed("HTTP 503"), 1));
    // Both slow: the first one still may win.
    assert_eq!(runs(&pipeline, &[(60, Ok(1)), (60, Ok(2))]).await, (Ok(1), 2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_waits_for_the_attempt_beside_it_and_the_first_ones_error_is_what_remains() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read").layer("hedge", hedge("50ms")).build(&runtime).unwrap();
    assert_eq!(runs(&pipeline, &[(60, failed("HTTP 503: a")), (60, Ok(2))]).await, (Ok(2), 2));
    assert_eq!(runs(&pipeline, &[(90, Ok(1)), (10, failed("HTTP 503: b"))]).await, (Ok(1), 2));
    let both = [(90, failed("HTTP 503: a")), (10, failed("HTTP 500: b"))];
    assert_eq!(runs(&pipeline, &both).await, (failed("HTTP 503: a"), 2));
    let both = [(60, failed("HTTP 503: a")), (60, failed("HTTP 500: b"))];
    assert_eq!(runs(&pipeline, &both).await, (failed("HTTP 503: a"), 2));
    // That nothing is there is an answer, which another attempt would only hear again.
    assert_eq!(runs(&pipeline, &[(900, Ok(1)), (10, failed("HTTP 404"))]).await, (failed("HTTP 404"), 2));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_a_gate_bars_hides_neither_the_first_attempts_answer_nor_its_error() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read")
        .layer("hedge", hedge("50ms").with("max", 3))
        .layer("bulkhead", Settings::new().with("name", "db").with("capacity", 1).with("queue", 0))
        .build(&runtime)
        .unwrap();
    assert_eq!(runs(&pipeline, &[(200, Ok(1))]).await, (Ok(1), 1));
    assert_eq!(runs(&pipeline, &[(200, failed("HTTP 503: a"))]).await, (failed("HTTP 503: a"), 1));
    settled().await;
    let status = runtime.registry().hedge("read").unwrap().status();
    assert_eq!((status.begun, status.affordable), (0, Some(10)), "what was barred cost nothing");
}

#[tokio::test(start_paused = true)]
async fn the_first_attempts_own_timeout_does_not_end_the_one_beside_it() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read")
        .layer("hedge", hedge("50ms"))
        .layer("timeout", Settings::new().with("per_attempt", "100ms"))
        .build(&runtime)
        .unwrap();
    assert_eq!(runs(&pipeline, &[(900, Ok(1)), (90, Ok(2))]).await, (Ok(2), 2));
    let (result, runs) = runs(&pipeline, &[(900, Ok(1)), (900, Ok(2))]).await;
    assert!(result.unwrap_err().contains("100ms"));
    assert_eq!(runs, 2);
}

#[tokio::test(start_paused = true)]
async fn breaker_and_bulkhead_see_both_attempts() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read")
        .layer("hedge", hedge("50ms"))
        .layer("circuit_breaker", Settings::new().with("name", "db"))
        .layer("bulkhead", Settings::new().with("name", "db").with("capacity", 2))
        .build(&runtime)
        .unwrap();
    let pool = runtime.registry().bulkhead("db").unwrap();
    let most = AtomicU32::new(0);
    let run = AtomicU32::new(0);
    let result: Result<u32> = pipeline
        .call(|| {
            let (run, most, pool) = (run.fetch_add(1, Ordering::Relaxed), &most, &pool);
            async move {
                tokio::time::sleep(millis(60)).await;
                most.fetch_max(u32::try_from(pool.in_use()).unwrap(), Ordering::Relaxed);
                if run == 0 { failed("HTTP 500: a") } else { failed("HTTP 500: b") }
            }
        })
        .await;
    assert_eq!(result, failed("HTTP 500: a"));
    settled().await;
    let counts = runtime.registry().breaker("db").unwrap().status().counts;
    assert_eq!((counts.total, counts.failures), (2, 2));
    assert_eq!((most.into_inner(), pool.in_use()), (2, 0));
    // A loser tells nothing: it was dropped because another one answered.
    assert_eq!(runs(&pipeline, &[(400, Ok(1)), (1, Ok(2))]).await, (Ok(2), 2));
    settled().await;
    let counts = runtime.registry().breaker("db").unwrap().status().counts;
    assert_eq!((counts.total, counts.failures, pool.in_use()), (3, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn hedges_and_retries_of_one_dependency_are_paid_from_one_budget() {
    let runtime = runtime();
    let scarce = Settings::new().with("ratio", 0.000_001).with("min", "0/s").with("cap", 1);
    let retried = Pipeline::builder("write")
        .layer("retry", Settings::new().with("attempts", 2).with("base_delay", "1ms").with("budget", scarce))
        .layer("circuit_breaker", Settings::new().with("name", "db").with("failure_threshold", 100))
        .build(&runtime)
        .unwrap();
    let hedged = Pipeline::builder("read")
        .layer("hedge", hedge("50ms"))
        .layer("circuit_breaker", Settings::new().with("name", "db").with("failure_threshold", 100))
        .build(&runtime)
        .unwrap();
    assert_eq!(runs(&hedged, &[(90, Ok(1)), (1, Ok(2))]).await, (Ok(2), 2));
    assert_eq!(runs(&retried, &[(1, failed("HTTP 503")), (1, Ok(2))]).await, (failed("HTTP 503"), 1));
    assert_eq!(runs(&hedged, &[(90, Ok(1)), (1, Ok(2))]).await, (Ok(1), 1));
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_learned_and_does_not_shrink_by_what_hedges_cut_off() {
    let runtime = runtime();
    let pipeline =
        Pipeline::builder("read").layer("hedge", hedge("p90").with("budget", "off")).build(&runtime).unwrap();
    let delay = || runtime.registry().hedge("read").unwrap().delay();
    for round in 0..1_000_u64 {
        // 1 to 100 ms in no order, while a second attempt always answers at once.
        let (result, _) = runs(&pipeline, &[(round * 37 % 100 + 1, Ok(1)), (1, Ok(2))]).await;
        assert!(result.is_ok());
        settled().await;
        if round == 18 {
            assert_eq!(delay(), None);
        }
    }
    // A tenth takes longer than 90 ms. Had the cut ones been left out, a tenth of what remains would be cut again.
    assert!(delay().is_some_and(|delay| delay >= millis(88) && delay <= millis(96)), "{:?}", delay());
}

#[tokio::test(start_paused = true)]
async fn a_slow_spell_of_the_dependency_does_not_double_its_load() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read").layer("hedge", hedge("p95")).build(&runtime).unwrap();
    for _ in 0..100 {
        assert_eq!(runs(&pipeline, &[(20, Ok(1))]).await, (Ok(1), 1));
    }
    let mut begun = 0;
    for _ in 0..200 {
        begun += runs(&pipeline, &[(2_000, Ok(1)), (2_000, Ok(2))]).await.1;
    }
    assert!(begun <= 200 + 10 + 20, "{begun} runs of 200 calls: ten saved up and a tenth of the calls");
    assert!(begun >= 201);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_drops_every_attempt_and_gives_everything_back() {
    let runtime = runtime();
    let pipeline = Pipeline::builder("read")
        .layer("hedge", hedge("50ms").with("max", 3))
        .layer("bulkhead", Settings::new().with("name", "db").with("capacity", 5))
        .build(&runtime)
        .unwrap();
    let pool = runtime.registry().bulkhead("db").unwrap();
    let slow = [(9_000, Ok(1)), (9_000, Ok(2)), (9_000, Ok(3))];
    let cut = tokio::time::timeout(millis(500), runs(&pipeline, &slow)).await;
    assert!(cut.is_err());
    settled().await;
    assert_eq!(pool.in_use(), 0);
}
