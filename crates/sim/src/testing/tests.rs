use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::prelude::*;

use super::seeds::{Ground, only, test};
use super::{World, under_seeds};
use crate::CallError;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_body_runs_once_under_each_seed_in_virtual_time_and_draws_the_same_under_the_same() {
    let drawn = Arc::new(Mutex::new(Vec::new()));
    under_seeds(0..20, |seed| {
        let drawn = Arc::clone(&drawn);
        async move {
            let runtime = Runtime::current();
            let before = runtime.clock().now();
            tokio::time::sleep(ms(3_600_000)).await;
            assert!(runtime.clock().now().since(before) >= ms(3_600_000));
            drawn.lock().unwrap().push((seed, runtime.ground().seed()));
        }
    });
    let drawn = drawn.lock().unwrap().clone();
    assert_eq!(drawn, (0..20).map(|seed| (seed, seed)).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "seed 7 is unlucky")]
fn a_body_that_fails_under_one_seed_fails_the_test() {
    under_seeds(0..20, |seed| async move { assert!(seed != 7, "seed {seed} is unlucky") });
}

#[test]
#[should_panic(expected = "is no seed")]
fn a_replayed_seed_that_is_no_number_fails_in_place_of_running_nothing() {
    assert_eq!(only(Some("7")), Some(7));
    assert_eq!(only(None), None);
    only(Some("seven"));
}

const DB: &str = r#"
[[service]]
name = "db"
servers = 2
latency = "20ms"
[[link]]
from = "app"
to = "db"
latency = { dist = "exp", mean = "1ms" }
"#;

#[steadfast_sim::test(seeds = 0..10, world = "[[service]]\nname = 'db'\nservers = 1\nlatency = '20ms'")]
async fn a_call_takes_to_the_nanosecond_what_its_service_takes(world: World) -> Result<(), CallError> {
    tokio::time::sleep(ms(5)).await;
    let before = world.now();
    let both = tokio::join!(world.call("db"), world.call("db"));
    both.0.and(both.1)?;
    assert_eq!(world.now().since(before), ms(40));
    Ok(())
}

#[steadfast_sim::test(seeds = 3..=3)]
async fn a_test_without_a_world_needs_none() {
    tokio::time::sleep(ms(1_000)).await;
}

#[steadfast_sim::test(world = "")]
#[should_panic(expected = "it returned \"so\"")]
async fn an_error_that_a_body_returns_fails_the_test(_world: World) -> Result<(), &'static str> {
    Err("so")
}

#[steadfast_sim::test(world = "[[service]]\nname = 'db'\nservers = 1\nlatency = '20ms'")]
#[should_panic(expected = "there is no service `bd`; did you mean `db`?")]
async fn a_service_that_is_not_there_is_told_with_the_nearest_that_is(world: World) {
    world.service("bd").crash(ms(1));
}

#[test]
#[should_panic(expected = "world:2:8")]
fn a_world_with_mistakes_is_told_with_its_place() {
    let world = Ground::Text("[[service]]\nname = 7\n");
    test("", "crate::name", 0..1, world, |_| async {});
}

#[steadfast_sim::test(seeds = 0..5, scenario = "scenarios/half-open-wedge.toml")]
async fn a_scenarios_file_lends_its_services(world: World) {
    assert_eq!(world.call("db").await, Ok(()));
}

#[circuit_breaker("held-db", failure_threshold = 3, recovery_timeout = "2s", success_threshold = 1)]
#[timeout(per_attempt = "500ms")]
async fn checkout(world: World) -> Result<(), CallError> {
    world.call("db").await
}

#[test]
#[should_panic(expected = "permits in equal permits out")]
fn what_always_must_hold_is_checked_in_a_tests_world_too() {
    use crate::engine::break_an_invariant;
    World::under_seeds(DB, 0..1, |world| async move { break_an_invariant(&world.house) });
}

#[test]
fn an_annotated_function_meets_a_held_link_and_its_breaker_closes_again() {
    World::under_seeds(DB, 0..10, |world| async move {
        assert_eq!(checkout(world.clone()).await, Ok(()));
        let held = world.link("app", "db").hold(Duration::MAX);
        for _ in 0..3 {
            assert!(checkout(world.clone()).await.is_err());
        }
        let refused = checkout(world.clone()).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
        held.heal();
        tokio::time::sleep(ms(2_001)).await;
        assert_eq!(checkout(world.clone()).await, Ok(()));
    });
}

#[test]
fn an_actor_that_was_crashed_is_asked_only_after_its_crash() {
    World::under_seeds(DB, 0..5, |world| async move {
        checkout(world.clone()).await.unwrap();
        let restarts = |world: &World| {
            let actors = world.runtime().registry().actors();
            actors.iter().find(|actor| actor.name == "held-db").unwrap().restarts
        };
        world.service("db").crash(ms(10));
        checkout(world.clone()).await.unwrap_err();
        world.crash_actor("breaker/held-db");
        tokio::time::sleep(ms(20)).await;
        assert_eq!(checkout(world.clone()).await, Ok(()));
        assert_eq!(restarts(&world), 1);
    });
}

#[test]
fn the_wall_clock_jumps_stands_still_and_runs_at_another_rate_and_the_monotonic_one_does_not() {
    World::under_seeds(DB, 0..1, |world| async move {
        let wall = |world: &World| world.runtime().clock().wall().as_nanos();
        let (began, before) = (world.now(), wall(&world));
        world.wall_clock().jump(ms(3_600_000));
        assert_eq!(wall(&world) - before, 3_600_000_000_000);
        world.wall_clock().jump_back(ms(3_600_000));
        assert_eq!(wall(&world), before);
        world.wall_clock().freeze(ms(1_000));
        tokio::time::sleep(ms(1_000)).await;
        assert!(wall(&world) - before <= 10_000_000, "{}", wall(&world) - before);
        let frozen = wall(&world);
        world.wall_clock().skew(2.0, ms(1_000));
        tokio::time::sleep(ms(1_000)).await;
        assert!((wall(&world) - frozen).abs_diff(2_000_000_000) <= 20_000_000);
        assert_eq!(world.now().since(began), ms(2_000));
    });
}
