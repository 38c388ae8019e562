//! `bulkhead`, `bulkhead_priority` and `throttle`.

use steadfast::prelude::*;

use crate::stub::{self, Does};
use crate::{AnyRequest, message, payload};

mod pools {
    use super::*;

    type CreateOrderRequest = AnyRequest;
    type SearchRequest = AnyRequest;

    include!("blocks/bulkhead.rs");

    async fn process_new_order(_order: CreateOrderRequest) -> Result<u32, String> {
        stub::run("order").await
    }

    async fn perform_product_search(_query: SearchRequest) -> Result<u32, String> {
        stub::run("search").await
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_is_taken_and_a_failure_gives_its_place_back() {
        stub::set_for("order", 200, Does::Fails("HTTP 500"));
        for _ in 0..200 {
            assert_eq!(create_order(message()).await.unwrap_err(), "HTTP 500");
        }
        assert_eq!(payload(&create_order(message()).await.unwrap()), json!(201));
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_run_and_half_as_many_wait_and_the_next_is_refused_at_once() {
        stub::set("order", Does::Takes(500));
        let answers = stub::together((0..80).map(|_| create_order(message()))).await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!((refused.len(), stub::runs("order")), (5, 75));
        assert!(refused[0].starts_with("bulkhead \"order_processing\" is full"), "{}", refused[0]);
        let times = stub::run_times("order");
        assert_eq!(times.iter().filter(|at| **at == times[0]).count(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_pool_of_orders_leaves_searches_alone() {
        stub::set("order", Does::Takes(500));
        let orders = tokio::spawn(stub::together((0..75).map(|_| create_order(message()))));
        tokio::task::yield_now().await;
        let start = stub::now();
        assert!(search_products(message()).await.is_ok());
        assert_eq!(stub::now(), start);
        assert!(orders.await.unwrap().iter().all(Result::is_ok));
    }
}

mod priorities {
    use super::*;

    type ExpressOrderRequest = AnyRequest;
    type BatchOrderRequest = AnyRequest;

    include!("blocks/bulkhead_priority.rs");

    async fn process_express_order(_order: ExpressOrderRequest) -> Result<u32, String> {
        stub::run("express").await
    }

    async fn process_batch_orders(_orders: BatchOrderRequest) -> Result<u32, String> {
        stub::run("batch").await
    }

    #[tokio::test(start_paused = true)]
    async fn high_comes_before_low_in_a_pool() {
        stub::set("batch", Does::Takes(300));
        stub::set("express", Does::Takes(300));
        // Fifty of them take the pool, ten wait; then an express order comes.
        let batches = tokio::spawn(stub::together((0..60).map(|_| create_batch_orders(message()))));
        stub::until_run("batch", 50).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let express = tokio::spawn(create_express_order(message()));
        assert!(express.await.unwrap().is_ok());
        assert!(batches.await.unwrap().iter().all(Result::is_ok));
        let places = stub::run_order("express");
        assert_eq!(places, [51], "ten batches waited longer");
    }

    #[tokio::test(start_paused = true)]
    async fn the_pool_has_the_capacity_that_another_site_declares() {
        stub::set("batch", Does::Takes(100));
        let answers = stub::together((0..76).map(|_| create_batch_orders(message()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    }
}

mod throttled {
    use super::*;

    type AnalysisRequest = AnyRequest;

    include!("blocks/throttle.rs");

    async fn perform_intensive_analysis(_request: AnalysisRequest) -> Result<u32, String> {
        stub::run("analysis").await
    }

    #[tokio::test(start_paused = true)]
    async fn five_run_two_wait_and_the_next_is_refused() {
        stub::set("analysis", Does::Takes(500));
        let answers = stub::together((0..10).map(|_| analyze_large_dataset(message()))).await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!((refused.len(), stub::runs("analysis")), (3, 7));
        assert!(refused[0].starts_with("throttle"), "{}", refused[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_second_is_refused() {
        stub::set("analysis", Does::Takes(5_000));
        let answers = stub::together((0..6).map(|_| analyze_large_dataset(message()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
        let refusal = answers[5].as_ref().unwrap_err();
        assert!(refusal.contains("after 1s"), "{refusal}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_gives_its_place_back() {
        stub::set_for("analysis", 20, Does::Fails("HTTP 500"));
        for _ in 0..20 {
            assert!(analyze_large_dataset(message()).await.is_err());
        }
        assert_eq!(payload(&analyze_large_dataset(message()).await.unwrap()), json!(21));
    }
}
