use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::actors::clock::Time;
use steadfast::actors::settings::Settings;
use steadfast::pipeline::PipelineBuilder;
use steadfast::{Rejection, Runtime};

use super::{millis, named, pipeline, runtime};

/// A dependency that is down until `back`, and cold for ten seconds after it: what it can bear at once grows from two
/// calls by one in each half second, and what is beyond that fails.
struct Dependency {
    runtime: Runtime,
    back: Time,
    now: AtomicU32,
    reached: AtomicU32,
}

impl Dependency {
    fn back_after(time: Duration) -> Arc<Self> {
        let runtime = runtime();
        let back = runtime.clock().now().after(time);
        Arc::new(Dependency { runtime, back, now: AtomicU32::new(0), reached: AtomicU32::new(0) })
    }

    fn bears(&self) -> u32 {
        let now = self.runtime.clock().now();
        if now < self.back {
            return 0;
        }
        let since = now.since(self.back);
        2 + u32::try_from(since.as_millis() / 500).unwrap_or(u32::MAX)
    }

    async fn call(&self) -> Result<(), String> {
        self.reached.fetch_add(1, Ordering::Relaxed);
        let at_once = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        millis(50).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        if at_once > self.bears() { Err("HTTP 503".to_owned()) } else { Ok(()) }
    }
}

/// Calls `dependency` 200 times in a second for so long, through a breaker of these settings; how many were answered.
async fn calls(dependency: &Arc<Dependency>, settings: Settings, seconds: u32) -> u32 {
    let breaker = |layers: PipelineBuilder| layers.layer("circuit_breaker", settings);
    let pipeline = pipeline(&dependency.runtime, "client", breaker);
    let mut calls = Vec::new();
    for _ in 0..seconds * 200 {
        let (pipeline, dependency) = (pipeline.clone(), Arc::clone(dependency));
        calls.push(tokio::spawn(async move { pipeline.call(|| dependency.call()).await.is_ok() }));
        millis(5).await;
    }
    let mut answered = 0;
    for call in calls {
        answered += u32::from(call.await.unwrap());
    }
    answered
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_comes_back_cold_is_not_knocked_over_again_by_all_its_callers() {
    let breaker = || named("db").with("recovery_timeout", "2s").with("half_open_permits", 1);
    let ramped = Dependency::back_after(Duration::from_secs(5));
    let with_a_ramp = calls(&ramped, breaker(), 15).await;
    let knocked = Dependency::back_after(Duration::from_secs(5));
    let without = calls(&knocked, breaker().with("slow_start", "0s"), 15).await;
    assert!(with_a_ramp > without * 5 / 4, "{with_a_ramp} calls were answered, {without} without a ramp");
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_stays_down_is_asked_less_and_less() {
    let down = Duration::from_secs(3_600);
    let breaker = || named("db").with("recovery_timeout", "1s");
    let doubled = Dependency::back_after(down);
    calls(&doubled, breaker().with("max_recovery_timeout", "1m"), 300).await;
    let steady = Dependency::back_after(down);
    calls(&steady, breaker(), 300).await;
    let probes = |dependency: &Dependency| dependency.reached.load(Ordering::Relaxed);
    assert!(probes(&doubled) * 5 < probes(&steady), "{} and {}", probes(&doubled), probes(&steady));
}

#[tokio::test(start_paused = true)]
async fn a_budget_keeps_retries_from_multiplying_the_load_of_a_dependency_that_is_down() {
    let runs = async |budget: Settings| {
        let runtime = runtime();
        let retry = budget.with("attempts", 4).with("base_delay", "10ms");
        let client = pipeline(&runtime, "client", |layers| layers.layer("retry", retry));
        let runs = AtomicU32::new(0);
        for _ in 0..3_000 {
            let failed = client.call(async || {
                runs.fetch_add(1, Ordering::Relaxed);
                Err::<(), Rejection>(Rejection::timed_out("db", Duration::from_secs(1)))
            });
            assert!(failed.await.is_err());
            millis(2).await;
        }
        runs.into_inner()
    };
    let (bounded, unbounded) =
        (runs(Settings::new()).await, runs(Settings::new().with("budget", "off")).await);
    assert!(
        unbounded == 12_000 && bounded < 4_500,
        "{bounded} runs for 3000 calls, {unbounded} without a budget"
    );
}
