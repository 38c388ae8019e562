//! The integration examples: one page out of three services, and high throughput. The complete stack has a file of its
//! own.

use steadfast::prelude::*;

use crate::stub::{self, Does};
use crate::{AnyRequest, message, payload};

mod microservice {
    use super::*;

    type BasicProfile = u32;
    type UserPreferences = u32;
    type UserActivity = u32;

    #[derive(Default, serde::Serialize)]
    pub struct UserProfileResponse {
        basic_profile: Option<BasicProfile>,
        preferences: Option<UserPreferences>,
        recent_activity: Option<UserActivity>,
    }

    include!("blocks/microservice.rs");

    async fn call_profile_service(_user: String) -> Result<BasicProfile, String> {
        stub::run("profile").await
    }

    async fn call_preferences_service(_user: String) -> Result<UserPreferences, String> {
        stub::run("preferences").await
    }

    async fn call_activity_service(_user: String) -> Result<UserActivity, String> {
        stub::run("activity").await
    }

    async fn default_preferences(_user: String) -> Result<UserPreferences, String> {
        Ok(100)
    }

    async fn empty_activity(_user: String) -> Result<UserActivity, String> {
        Ok(0)
    }

    #[tokio::test(start_paused = true)]
    async fn three_services_are_asked_at_the_same_time() {
        for service in ["profile", "preferences", "activity"] {
            stub::set(service, Does::Takes(2_000));
        }
        let start = stub::now();
        let page = payload(&get_user_profile(message()).await.unwrap());
        assert_eq!(page, json!({ "basic_profile": 1, "preferences": 1, "recent_activity": 1 }));
        assert_eq!((stub::now() - start).as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_has_its_fallback_or_is_left_out() {
        for service in ["profile", "preferences", "activity"] {
            stub::set(service, Does::Fails("HTTP 500"));
        }
        let answer = get_user_profile(message()).await.unwrap();
        assert_eq!(
            payload(&answer),
            json!({ "basic_profile": null, "preferences": 100, "recent_activity": 0 })
        );
        assert!(answer.is_degraded());
        assert_eq!((stub::runs("profile"), stub::runs("preferences")), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_costs_three_of_the_ten_seconds() {
        stub::set("activity", Does::Hangs);
        let start = stub::now();
        assert_eq!(payload(&get_user_profile(message()).await.unwrap())["recent_activity"], 0);
        assert_eq!((stub::now() - start).as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_spares_its_service_alone() {
        stub::set("preferences", Does::Fails("HTTP 500"));
        for _ in 0..10 {
            assert!(get_user_profile(message()).await.is_ok());
        }
        assert_eq!((stub::runs("preferences"), stub::runs("profile")), (5, 10));
    }
}

mod throughput {
    use super::*;

    type EventBatch = AnyRequest;
    type AnalyticsQuery = AnyRequest;

    include!("blocks/high_throughput.rs");

    async fn process_event_batch(_events: EventBatch) -> Result<u32, String> {
        stub::run("events").await
    }

    async fn compute_realtime_analytics(_query: AnalyticsQuery) -> Result<u32, String> {
        stub::run("analytics").await
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_run_fifty_wait_and_the_next_is_refused() {
        stub::set("events", Does::Takes(500));
        let answers = stub::together((0..151).map(|_| ingest_events(message()))).await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].starts_with("throttle"), "{}", refused[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_hangs_is_cut_after_five_seconds() {
        stub::set("events", Does::Hangs);
        let start = stub::now();
        assert!(ingest_events(message()).await.is_err());
        assert_eq!((stub::now() - start).as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn analytics_answer_and_are_cut_at_two_seconds_to_begin_with() {
        assert_eq!(payload(&get_realtime_analytics(message()).await.unwrap()), json!(1));
        stub::set("analytics", Does::Hangs);
        let start = stub::now();
        assert!(get_realtime_analytics(message()).await.is_err());
        assert_eq!((stub::now() - start).as_secs(), 2);
    }
}
