//! Attributes end to end: what stands on a function is what a call of it passes.
#![allow(missing_docs, reason = "tests name a behaviour")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::pipeline::{self};
use steadfast::prelude::*;
use tokio::time::sleep;

mod end_to_end {
    use super::*;

    #[derive(Clone, Default)]
    struct Runs(Arc<AtomicU32>);

    impl Runs {
        fn next(&self) -> u32 {
            self.0.fetch_add(1, Ordering::Relaxed) + 1
        }
        fn all(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[retry(attempts = 3, jitter = false)]
    async fn third_time_lucky(runs: Runs) -> Result<u32, String> {
        match runs.next() {
            3 => Ok(3),
            _ => Err("HTTP 503".to_owned())?,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_runs_the_handler_again_with_the_same_arguments() {
        assert_eq!(third_time_lucky(Runs::default()).await, Ok(3));
    }

    #[circuit_breaker("trips", failure_threshold = 2)]
    async fn trips(runs: Runs) -> Result<(), String> {
        runs.next();
        Err("connection refused".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_refuses_without_running_the_handler() {
        let runs = Runs::default();
        for _ in 0..2 {
            assert!(trips(runs.clone()).await.is_err());
        }
        let refused = trips(runs.clone()).await.unwrap_err();
        assert!(refused.contains("circuit breaker \"trips\" is open"), "{refused}");
        assert_eq!(runs.all(), 2);
    }

    #[timeout("2.5s")]
    #[fallback(late)]
    async fn slow(id: u64) -> Result<String, String> {
        sleep(Duration::from_secs(60)).await;
        Ok(format!("never {id}"))
    }

    async fn late(id: u64, failure: &pipeline::Failure<String>) -> Result<String, String> {
        Ok(format!("{id} was late: {}", failure.kind))
    }

    #[tokio::test(start_paused = true)]
    async fn a_fallback_gets_the_arguments_and_the_failure() {
        assert_eq!(slow(7).await, Ok("7 was late: timeout".to_owned()));
    }

    #[timeout("10s")]
    async fn dashboard(tenths: u64) -> Result<u64, String> {
        child(tenths).await
    }

    #[timeout_cascade(percentage = 30)]
    async fn child(tenths: u64) -> Result<u64, String> {
        sleep(Duration::from_millis(tenths * 100)).await;
        Ok(tenths)
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_gets_its_share_of_its_parents_time() {
        assert_eq!(dashboard(29).await, Ok(29));
        assert!(dashboard(31).await.unwrap_err().contains("3s"));
    }

    #[circuit_breaker("reviews", failure_threshold = 1)]
    #[degrade_gracefully]
    #[metrics]
    async fn product(fails: bool) -> Result<bool, String> {
        if fails {
            return Err("connection reset".to_owned());
        }
        Ok(Degradation::current().is_down("reviews"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_degrading_handler_runs_in_spite_of_its_open_breaker() {
        assert_eq!(product(false).await, Ok(false));
        assert!(product(true).await.is_err());
        assert_eq!(product(false).await, Ok(true));
    }

    #[retry(attempts = 2)]
    #[timeout("30s", per_attempt = "1s")]
    #[circuit_breaker("described", { failure_threshold = 3, recovery_timeout = "60s" })]
    async fn described() -> Result<(), Rejection> {
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_is_described_by_its_functions_name() {
        described().await.unwrap();
        let text = Runtime::current().describe("described").unwrap().to_string();
        assert!(text.contains("opens at 3 failures"), "{text}");
        assert!(text.find("retry") < text.find("circuit_breaker"), "{text}");
    }
}
