//! The stacks and sketches of the best practices.

use std::time::Duration;

use steadfast::prelude::*;

use crate::stub::{self, Does};

mod layered {
    use super::*;

    include!("blocks/layered.rs");

    async fn service_fallback() -> Result<u32, String> {
        stub::run("fallback").await.map(|_| 100)
    }

    #[tokio::test(start_paused = true)]
    async fn an_external_call_is_tried_three_times_and_then_answered_by_its_fallback() {
        assert_eq!(external_service_call().await, Ok(1));
        stub::set("external_service_call", Does::Fails("HTTP 503"));
        assert_eq!(external_service_call().await, Ok(100));
        assert_eq!(stub::runs("external_service_call"), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_answered_by_the_fallback_after_ten_seconds() {
        stub::set("external_service_call", Does::Hangs);
        let start = stub::now();
        assert_eq!(external_service_call().await, Ok(100));
        assert_eq!((stub::now() - start).as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn of_heavy_operations_five_run_and_two_wait() {
        stub::set("heavy_operation", Does::Takes(500));
        let answers = stub::together((0..8).map(|_| heavy_operation())).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_public_api_answers_a_thousand_times_an_hour() {
        for _ in 0..1_000 {
            assert!(public_api().await.is_ok());
        }
        assert!(public_api().await.unwrap_err().starts_with("rate limit"));
    }
}

mod timeouts {
    use super::*;

    include!("blocks/timeouts.rs");

    async fn seconds(call: impl Future<Output = Result<u32, String>>) -> u64 {
        let start = stub::now();
        assert!(call.await.unwrap_err().contains("did not answer within"));
        (stub::now() - start).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_cut_at_its_own_time() {
        for name in ["quick", "query", "external", "heavy", "batch"] {
            stub::set(name, Does::Hangs);
        }
        assert_eq!(seconds(quick()).await, 2);
        assert_eq!(seconds(query()).await, 5);
        assert_eq!(seconds(external()).await, 10);
        assert_eq!(seconds(heavy()).await, 60);
        assert_eq!(seconds(batch()).await, 300);
    }
}

mod cascading {
    use super::*;

    include!("blocks/cascading.rs");

    #[timeout_cascade(percentage = 33)]
    async fn child_operation_1() -> Result<u32, String> {
        stub::run("child 1").await
    }

    #[timeout_cascade(percentage = 33)]
    async fn child_operation_2() -> Result<u32, String> {
        stub::run("child 2").await
    }

    #[timeout_cascade(percentage = 33)]
    async fn child_operation_3() -> Result<u32, String> {
        stub::run("child 3").await
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_that_hangs_is_cut_at_a_third_of_its_parents_time() {
        stub::set("child 2", Does::Hangs);
        let start = stub::now();
        assert!(parent_operation().await.is_err());
        assert_eq!(stub::now() - start, Duration::from_millis(9_900));
        assert_eq!((stub::runs("child 1"), stub::runs("child 3")), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn children_that_answer_make_their_parent_answer() {
        assert_eq!(parent_operation().await, Ok(()));
    }
}

mod fallbacks {
    use super::*;

    type Error = Box<dyn std::error::Error + Send + Sync>;

    #[derive(Debug, PartialEq)]
    pub struct Response(&'static str);

    include!("blocks/fallbacks.rs");

    async fn primary() -> Result<Response, Error> {
        stub::run("primary").await?;
        Ok(Response("fresh"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_fallback_gives_value_in_place_of_an_error() {
        assert_eq!(service_call().await.unwrap(), Response("fresh"));
        stub::set("primary", Does::Panics);
        assert_eq!(service_call().await.unwrap(), Response("cached"));
        stub::set("primary", Does::Fails("HTTP 503"));
        for _ in 0..10 {
            assert_eq!(service_call().await.unwrap(), Response("cached"));
        }
        assert_eq!(stub::runs("primary"), 6);
    }
}
