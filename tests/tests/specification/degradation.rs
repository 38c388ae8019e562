//! `degrade_gracefully`.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast_actors::breaker::BreakerState;
use tokio::time::sleep;

use crate::stub::{self, Does};
use crate::{message, payload};

struct Product {
    id: String,
    name: String,
    price: u32,
    description: String,
}

#[derive(serde::Serialize)]
pub struct ProductResponse {
    id: String,
    name: String,
    price: u32,
    description: String,
    recommendations: Option<u32>,
    reviews_summary: Option<u32>,
    inventory_status: Option<u32>,
}

include!("blocks/degrade_gracefully.rs");

async fn fetch_product_details(id: String) -> Result<Product, String> {
    let price = stub::run("product").await?;
    Ok(Product { id, name: "Storm kettle".to_owned(), price, description: "Boils.".to_owned() })
}

async fn get_product_recommendations(_product: String) -> Result<u32, String> {
    stub::run("recommendations").await
}

#[circuit_breaker("reviews_of_products")]
async fn get_reviews_summary(_product: String) -> Result<u32, String> {
    stub::run("reviews").await
}

async fn check_inventory_status(_product: String) -> Result<u32, String> {
    stub::run("inventory").await
}

#[tokio::test(start_paused = true)]
async fn with_all_parts_there_the_page_is_whole() {
    let answer = get_product_details(message()).await.unwrap();
    assert!(!answer.is_degraded());
    let page = payload(&answer);
    assert_eq!(page["id"], "7");
    assert!(page["recommendations"].is_u64() && page["inventory_status"].is_u64());
}

#[tokio::test(start_paused = true)]
async fn an_annotated_part_that_fails_is_left_out_and_the_answer_says_so() {
    stub::set("reviews", Does::Fails("HTTP 503"));
    let answer = get_product_details(message()).await.unwrap();
    assert!(answer.is_degraded());
    assert!(payload(&answer)["reviews_summary"].is_null());
}

#[tokio::test(start_paused = true)]
async fn what_the_page_cannot_do_without_fails_it_and_counts() {
    stub::set("product", Does::Fails("HTTP 503: catalog"));
    for _ in 0..5 {
        assert_eq!(get_product_details(message()).await.unwrap_err(), "HTTP 503: catalog");
    }
    let breaker = Runtime::current().registry().breaker("recommendation_service").unwrap();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn under_an_open_breaker_the_handler_runs_and_the_answer_is_degraded() {
    stub::set_for("product", 5, Does::Fails("HTTP 503"));
    for _ in 0..5 {
        assert!(get_product_details(message()).await.is_err());
    }
    let answer = get_product_details(message()).await.unwrap();
    assert!(answer.is_degraded());
    sleep(Duration::from_secs(31)).await;
    for _ in 0..3 {
        assert!(get_product_details(message()).await.is_ok());
    }
    let breaker = Runtime::current().registry().breaker("recommendation_service").unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(!get_product_details(message()).await.unwrap().is_degraded());
}
