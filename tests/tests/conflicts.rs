//! Sites that contradict each other are found where a runtime is built, before the first call. No runtime can be built
//! in this process, so nothing else is tested here.
#![allow(missing_docs, reason = "tests name a behaviour")]

use steadfast::prelude::*;

#[circuit_breaker("payments", failure_threshold = 3)]
async fn charge() -> Result<(), String> {
    Ok(())
}

#[circuit_breaker("payments", failure_threshold = 4)]
async fn refund() -> Result<(), String> {
    Ok(())
}

#[circuit_breaker("stock")]
#[retry(budget = { ratio = 0.1 })]
async fn reserve() -> Result<(), String> {
    Ok(())
}

#[circuit_breaker("stock")]
#[retry(budget = { ratio = 0.5 })]
async fn release() -> Result<(), String> {
    Ok(())
}

#[idempotent(key = "arg:order", name = "orders")]
async fn place_order(order: u32) -> Result<u32, String> {
    Ok(order)
}

#[idempotent(key = "arg:order", name = "orders")]
async fn cancel_order(order: u32) -> Result<u32, String> {
    Ok(order)
}

struct Cats;
struct Dogs;

impl Cats {
    #[idempotent(key = "arg:id")]
    async fn adopt(&self, id: u32) -> Result<u32, String> {
        Ok(id)
    }
}

impl Dogs {
    #[idempotent(key = "arg:id")]
    async fn adopt(&self, id: u32) -> Result<u32, String> {
        Ok(id)
    }
}

#[tokio::test(start_paused = true)]
async fn sites_that_declare_one_name_differently_or_share_a_scope_do_not_start_and_are_named() {
    let refused = Runtime::builder().isolated().environment([]).build().unwrap_err().to_string();
    for part in [
        "conflicts::refund and conflicts::charge declare the breaker with different settings; write the same at both",
        "conflicts::release and conflicts::reserve pay from one budget, that of the breaker \"stock\"",
        "\"orders\"",
        "conflicts::cancel_order",
        "conflicts::place_order",
        "\"conflicts::adopt\"",
        "give one of them a name",
        "conflicts.rs:",
    ] {
        assert!(refused.contains(part), "{part} in {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_builds_only_what_is_contradicted_is_refused_and_nothing_panics() {
    assert!(charge().await.unwrap_err().contains("conflicts::refund"));
    assert!(refund().await.unwrap_err().contains("conflicts::charge"));
    assert!(reserve().await.unwrap_err().contains("conflicts::release"));
    assert!(release().await.unwrap_err().contains("conflicts::reserve"));
    assert!(place_order(1).await.is_ok() != cancel_order(1).await.is_ok());
    assert!(Cats.adopt(1).await.is_ok() != Dogs.adopt(1).await.is_ok());
}
