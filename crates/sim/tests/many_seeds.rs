//! How a team tests its own annotated functions: in virtual time, under many seeds, against a dependency that fails.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast_sim::{CallError, World};

#[fallback("remembered")]
#[retry(attempts = 3, base_delay = "100ms")]
#[circuit_breaker("prices", failure_threshold = 5, recovery_timeout = "2s", success_threshold = 1)]
#[timeout(per_attempt = "300ms")]
async fn price(world: World) -> Result<&'static str, CallError> {
    world.call("prices").await.map(|()| "fresh")
}

async fn remembered(_: World) -> Result<&'static str, CallError> {
    Ok("remembered")
}

#[steadfast_sim::test(seeds = 0..50, scenario = "tests/prices.toml")]
async fn an_outage_is_answered_from_memory_and_fresh_prices_are_back_within_three_seconds(world: World) {
    assert_eq!(price(world.clone()).await, Ok("fresh"));
    let outage = world.service("prices").hang(Duration::MAX);
    let link = world.link("app", "prices").lose(0.5, Duration::from_secs(20));
    for _ in 0..20 {
        let asked = world.now();
        assert_eq!(price(world.clone()).await, Ok("remembered"));
        assert!(world.now().since(asked) < Duration::from_millis(1_300), "a page waits no longer");
    }
    world.crash_actor("breaker/prices");
    assert_eq!(price(world.clone()).await, Ok("remembered"), "a crash forgets no outage");
    outage.heal();
    link.heal();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(price(world).await, Ok("fresh"));
}
