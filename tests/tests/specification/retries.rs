//! `retry`.

use std::time::Duration;

use steadfast::prelude::*;

use crate::stub::{self, Does};
use crate::{AnyRequest, message, payload};

mod plain {
    use super::*;

    type DataSyncRequest = AnyRequest;

    include!("blocks/retry.rs");

    async fn perform_data_synchronization(_request: DataSyncRequest) -> Result<u32, String> {
        stub::run("sync").await
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_three_times_in_all() {
        for error in ["HTTP 503", "timed out", "connection refused", "HTTP 500: oops", "who knows"] {
            let before = stub::runs("sync");
            stub::set("sync", Does::Fails(error));
            assert_eq!(sync_data(message()).await.unwrap_err(), error);
            assert_eq!(stub::runs("sync") - before, 3, "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_ends_it() {
        stub::set_for("sync", 2, Does::Fails("HTTP 503"));
        assert_eq!(payload(&sync_data(message()).await.unwrap()), json!(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_callers_fault_and_who_may_not_are_not_tried_again() {
        for error in ["HTTP 400", "HTTP 404", "HTTP 409", "HTTP 422", "unauthorized", "forbidden"] {
            let before = stub::runs("sync");
            stub::set("sync", Does::Fails(error));
            assert!(sync_data(message()).await.is_err());
            assert_eq!(stub::runs("sync") - before, 1, "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_jitter_no_wait_is_longer_than_one_and_two_seconds() {
        stub::set("sync", Does::Fails("HTTP 503"));
        assert!(sync_data(message()).await.is_err());
        let times = stub::run_times("sync");
        assert!(times[1] - times[0] <= Duration::from_secs(1), "{times:?}");
        assert!(times[2] - times[1] <= Duration::from_secs(2), "{times:?}");
    }

    #[retry(attempts = 4, jitter = false)]
    async fn without_jitter() -> Result<u32, String> {
        stub::run("exact").await
    }

    #[tokio::test(start_paused = true)]
    async fn without_jitter_four_attempts_wait_one_two_and_four_seconds() {
        stub::set("exact", Does::Fails("HTTP 503"));
        assert!(without_jitter().await.is_err());
        let times = stub::run_times("exact");
        let waits: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4]);
    }
}

mod strategy {
    use super::*;

    type ExternalApiRequest = AnyRequest;

    include!("blocks/retry_strategy.rs");

    async fn call_third_party_api(_request: ExternalApiRequest) -> Result<u32, String> {
        stub::run("third_party").await
    }

    #[tokio::test(start_paused = true)]
    async fn the_listed_kinds_are_tried_five_times_and_all_others_once() {
        for (error, runs) in [
            ("timed out", 5),
            ("connection reset", 5),
            ("HTTP 429: slow down", 5),
            ("HTTP 503", 1),
            ("HTTP 500", 1),
            ("unauthorized", 1),
            ("validation error: amount", 1),
            ("who knows", 1),
        ] {
            let before = stub::runs("third_party");
            stub::set("third_party", Does::Fails(error));
            assert_eq!(call_external_api(message()).await.unwrap_err(), error);
            assert_eq!(stub::runs("third_party") - before, runs, "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_begin_at_half_a_second_and_double() {
        stub::set("third_party", Does::Fails("timed out"));
        assert!(call_external_api(message()).await.is_err());
        let times = stub::run_times("third_party");
        for (pair, bound) in times.windows(2).zip([500, 1_000, 2_000, 4_000]) {
            assert!(pair[1] - pair[0] <= Duration::from_millis(bound), "{times:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_passed_on() {
        assert_eq!(payload(&call_external_api(message()).await.unwrap()), json!(1));
    }
}
