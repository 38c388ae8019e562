//! `circuit_breaker` and `fallback`.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast_actors::breaker::BreakerState;
use tokio::time::{advance, sleep};

use crate::stub::{self, Does};
use crate::{AnyRequest, message, payload};

fn state(name: &str) -> BreakerState {
    Runtime::current().registry().breaker(name).expect("a breaker of that name").state()
}

mod plain {
    use super::*;

    include!("blocks/circuit_breaker.rs");

    async fn call_recommendation_service(_user: String) -> Result<u32, String> {
        stub::run("recommend").await
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_of_ten_requests_open_it_and_an_open_one_lets_nothing_through() {
        stub::set("recommend", Does::Fails("HTTP 503: recommendations"));
        for _ in 0..5 {
            assert_eq!(get_recommendations(message()).await.unwrap_err(), "HTTP 503: recommendations");
        }
        assert_eq!(state("recommendation_service"), BreakerState::Open);
        let refusal = get_recommendations(message()).await.unwrap_err();
        assert!(refusal.starts_with("circuit breaker \"recommendation_service\" is open"), "{refusal}");
        assert_eq!(stub::runs("recommend"), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn after_thirty_seconds_three_successes_in_a_row_close_it() {
        stub::set_for("recommend", 5, Does::Fails("HTTP 503"));
        for _ in 0..5 {
            assert!(get_recommendations(message()).await.is_err());
        }
        sleep(Duration::from_millis(29_900)).await;
        assert!(get_recommendations(message()).await.is_err());
        sleep(Duration::from_millis(200)).await;
        for left in [2, 1, 0] {
            assert!(get_recommendations(message()).await.is_ok());
            let expected = if left > 0 { BreakerState::HalfOpen } else { BreakerState::Closed };
            assert_eq!(state("recommendation_service"), expected);
        }
        assert_eq!(stub::runs("recommend"), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_probe_opens_it_for_another_thirty_seconds() {
        stub::set("recommend", Does::Fails("HTTP 503"));
        for _ in 0..5 {
            assert!(get_recommendations(message()).await.is_err());
        }
        sleep(Duration::from_secs(31)).await;
        assert_eq!(get_recommendations(message()).await.unwrap_err(), "HTTP 503");
        assert!(get_recommendations(message()).await.unwrap_err().contains("is open"));
        sleep(Duration::from_secs(31)).await;
        stub::set("recommend", Does::Succeeds);
        assert!(get_recommendations(message()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_callers_fault_opens_nothing() {
        stub::set("recommend", Does::Fails("HTTP 404: no such user"));
        for _ in 0..20 {
            assert!(get_recommendations(message()).await.is_err());
        }
        assert_eq!(state("recommendation_service"), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_known_is_refused_before_anything_runs() {
        let refusal = get_recommendations(Message::builder().build()).await.unwrap_err();
        assert!(refusal.starts_with("not authenticated"), "{refusal}");
        assert_eq!(stub::runs("recommend"), 0);
    }
}

mod configured {
    use super::*;

    type PaymentRequest = AnyRequest;

    include!("blocks/circuit_breaker_config.rs");

    async fn process_payment_charge(_payment: PaymentRequest) -> Result<u32, String> {
        stub::run("charge").await
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_half_of_ten_requests_and_not_at_three_failures_of_nine() {
        stub::set_for("charge", 5, Does::Fails("HTTP 502"));
        for _ in 0..5 {
            assert!(charge_payment(message()).await.is_err());
        }
        for _ in 0..4 {
            assert!(charge_payment(message()).await.is_ok());
            assert_eq!(state("payment_processor"), BreakerState::Closed);
        }
        assert!(charge_payment(message()).await.is_ok());
        assert_eq!(state("payment_processor"), BreakerState::Open);
        assert!(charge_payment(message()).await.unwrap_err().contains("is open"));
        assert_eq!(stub::runs("charge"), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_open_for_sixty_seconds_and_five_successes_close_it() {
        stub::set_for("charge", 10, Does::Fails("HTTP 502"));
        for _ in 0..10 {
            assert!(charge_payment(message()).await.is_err());
        }
        advance(Duration::from_secs(59)).await;
        assert!(charge_payment(message()).await.unwrap_err().contains("is open"));
        sleep(Duration::from_secs(2)).await;
        for _ in 0..4 {
            assert!(charge_payment(message()).await.is_ok());
            assert_eq!(state("payment_processor"), BreakerState::HalfOpen);
        }
        assert!(charge_payment(message()).await.is_ok());
        assert_eq!(state("payment_processor"), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_payload_that_cannot_be_read_names_the_field_and_opens_nothing() {
        let wrong =
            || Message::builder().user_id("u1").payload(&json!({ "amount": "much" })).unwrap().build();
        for _ in 0..20 {
            let refusal = charge_payment(wrong()).await.unwrap_err();
            assert!(refusal.starts_with("invalid request: amount"), "{refusal}");
        }
        assert_eq!(state("payment_processor"), BreakerState::Closed);
        assert_eq!(stub::runs("charge"), 0);
    }
}

mod with_fallback {
    use super::*;

    include!("blocks/fallback.rs");

    async fn fetch_reviews_from_service(_product: String) -> Result<Vec<u32>, String> {
        stub::run("reviews").await.map(|run| vec![run])
    }

    async fn get_cached_reviews(_product: String) -> Result<Vec<u32>, String> {
        stub::run("cache").await.map(|_| vec![100])
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_service_answers_nobody_looks_into_the_cache() {
        assert_eq!(payload(&get_product_reviews(message()).await.unwrap()), json!([1]));
        assert_eq!(stub::runs("cache"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_answered_from_the_cache_or_with_a_default() {
        stub::set("reviews", Does::Fails("HTTP 500"));
        let cached = get_product_reviews(message()).await.unwrap();
        assert_eq!(payload(&cached), json!([100]));
        assert!(cached.is_degraded());
        stub::set("cache", Does::Fails("not found"));
        let default = payload(&get_product_reviews(message()).await.unwrap());
        assert_eq!(default, json!({ "message": "Reviews temporarily unavailable", "reviews": [] }));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_is_answered_by_the_fallback_without_asking_the_service() {
        stub::set("reviews", Does::Fails("HTTP 500"));
        for _ in 0..8 {
            assert!(get_product_reviews(message()).await.unwrap().is_degraded());
        }
        assert_eq!((stub::runs("reviews"), stub::runs("cache")), (5, 8));
        assert_eq!(state("review_service"), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn the_callers_fault_is_not_covered_up() {
        let refusal = get_product_reviews(Message::builder().build()).await.unwrap_err();
        assert!(refusal.contains("product_id"), "{refusal}");
        assert_eq!(stub::runs("cache"), 0);
    }
}
