//! `timeout`, `timeout_cascade` and `adaptive_timeout`.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

use crate::stub::{self, Does};
use crate::{AnyRequest, message, payload};

mod plain {
    use super::*;

    type ReportRequest = AnyRequest;

    include!("blocks/timeout.rs");

    async fn generate_detailed_report(_params: ReportRequest) -> Result<u32, String> {
        stub::run("report").await
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_less_than_thirty_seconds_is_answered() {
        stub::set("report", Does::Takes(29_900));
        assert_eq!(payload(&generate_complex_report(message()).await.unwrap()), json!(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_is_cut_at_thirty_seconds() {
        stub::set("report", Does::Hangs);
        let start = stub::now();
        let refusal = generate_complex_report(message()).await.unwrap_err();
        assert!(refusal.contains("did not answer within 30s"), "{refusal}");
        assert_eq!((stub::now() - start).as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_passed_on() {
        stub::set("report", Does::Fails("HTTP 500: out of paper"));
        assert_eq!(generate_complex_report(message()).await.unwrap_err(), "HTTP 500: out of paper");
    }
}

mod cascade {
    use super::*;

    type UserProfile = u32;

    #[derive(serde::Serialize)]
    pub struct DashboardResponse {
        profile: UserProfile,
        orders: u32,
        recommendations: u32,
    }

    include!("blocks/timeout_cascade.rs");

    async fn fetch_user_profile_data(_user: String) -> Result<UserProfile, String> {
        stub::run("profile").await
    }

    #[timeout_cascade(percentage = 30)]
    async fn get_recent_orders(_user: String) -> Result<u32, String> {
        stub::run("orders").await
    }

    #[timeout_cascade(percentage = 30)]
    async fn get_recommendations(_user: String) -> Result<u32, String> {
        stub::run("recommendations").await
    }

    #[tokio::test(start_paused = true)]
    async fn parts_that_take_less_than_their_share_make_the_page() {
        for part in ["profile", "orders", "recommendations"] {
            stub::set(part, Does::Takes(2_900));
        }
        let page = payload(&get_user_dashboard(message()).await.unwrap());
        assert_eq!(page, json!({ "profile": 1, "orders": 1, "recommendations": 1 }));
    }

    #[tokio::test(start_paused = true)]
    async fn thirty_percent_of_ten_seconds_is_three() {
        stub::set("profile", Does::Hangs);
        let start = stub::now();
        let refusal = get_user_dashboard(message()).await.unwrap_err();
        assert!(refusal.contains("did not answer within 3s"), "{refusal}");
        assert_eq!((stub::now() - start).as_millis(), 3_000);
        assert_eq!(stub::runs("orders"), 0);
    }

    #[timeout("10s")]
    async fn late() -> Result<u32, String> {
        sleep(Duration::from_secs(9)).await;
        get_user_profile("u1".to_owned()).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_is_never_more_than_what_is_left_of_the_parent() {
        stub::set("profile", Does::Hangs);
        let start = stub::now();
        assert!(late().await.is_err());
        assert_eq!((stub::now() - start).as_millis(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_parent_it_is_thirty_percent_of_thirty_seconds() {
        stub::set("profile", Does::Hangs);
        let start = stub::now();
        assert!(get_user_profile("u1".to_owned()).await.is_err());
        assert_eq!((stub::now() - start).as_secs(), 9);
    }
}

mod adaptive {
    use super::*;

    type ContentRequest = AnyRequest;

    include!("blocks/adaptive_timeout.rs");

    async fn generate_dynamic_content(_request: ContentRequest) -> Result<u32, String> {
        stub::run("content").await
    }

    #[tokio::test(start_paused = true)]
    async fn it_starts_at_its_base_of_five_seconds() {
        stub::set("content", Does::Takes(4_900));
        assert_eq!(payload(&get_dynamic_content(message()).await.unwrap()), json!(1));
        stub::set("content", Does::Hangs);
        let start = stub::now();
        let refusal = get_dynamic_content(message()).await.unwrap_err();
        assert!(refusal.contains("did not answer within 5s"), "{refusal}");
        assert_eq!((stub::now() - start).as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_passed_on() {
        stub::set("content", Does::Fails("HTTP 502"));
        assert_eq!(get_dynamic_content(message()).await.unwrap_err(), "HTTP 502");
    }
}
