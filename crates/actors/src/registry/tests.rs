use super::*;
use crate::bulkhead::Priority;
use crate::clock::{Clock, WallTime};
use crate::event::{Event, EventSink};
use crate::host::HostOptions;
use crate::settings::Settings;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn registry() -> Registry {
    let tokio = tokio::runtime::Handle::current();
    let clock = Arc::new(Clock::system());
    Registry::new(Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default()))
}

#[tokio::test(start_paused = true)]
async fn one_name_is_one_actor_and_another_declaration_of_it_names_both_sites() {
    let registry = registry();
    let first = registry.declare_breaker("db", BreakerConfig::default(), "shop::a").unwrap();
    let second = registry.declare_breaker("db", BreakerConfig::default(), "shop::b").unwrap();
    assert!(Arc::ptr_eq(first.hosted(), second.hosted()));
    let other = BreakerConfig::from_settings(&Settings::new().with("failure_threshold", 3)).unwrap();
    let rejection = registry.declare_breaker("db", other, "shop::c").unwrap_err().to_string();
    assert!(rejection.contains("shop::a") && rejection.contains("shop::c"), "{rejection}");
    assert!(registry.breaker("db").is_some());
    assert!(registry.breaker("cache").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pool_takes_its_capacity_from_whichever_site_says_it_also_while_calls_run() {
    let registry = registry();
    let pool = |settings: Settings| BulkheadConfig::from_settings(&settings).unwrap();
    let silent = registry.declare_bulkhead("orders", pool(Settings::new()), "shop::express").unwrap();
    assert_eq!(silent.config().capacity(), 64);
    let _held = silent.acquire(Priority::High).await.unwrap();
    let fifty = pool(Settings::new().with("capacity", 50));
    registry.declare_bulkhead("orders", fifty, "shop::create").unwrap();
    assert_eq!((silent.config().capacity(), silent.status().capacity, silent.in_use()), (50, 50, 1));
    let sixty = pool(Settings::new().with("capacity", 60));
    let rejection = registry.declare_bulkhead("orders", sixty, "shop::batch").unwrap_err().to_string();
    assert!(
        rejection.contains("shop::create")
            && rejection.contains("shop::batch")
            && rejection.contains("different capacity")
            && !rejection.contains("shop::express"),
        "{rejection}"
    );
    registry.declare_bulkhead("orders", pool(Settings::new()), "shop::late").unwrap();
    assert_eq!(registry.bulkhead("orders").unwrap().config().capacity(), 50);
    assert!(registry.bulkhead("nobody").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_operators_capacity_stands_whatever_sites_declare_afterwards() {
    let registry = registry();
    let pool = registry.declare_bulkhead("orders", BulkheadConfig::default(), "shop::a").unwrap();
    pool.set_capacity(7).unwrap();
    let fifty = BulkheadConfig::of(50).unwrap();
    registry.declare_bulkhead("orders", fifty, "shop::b").unwrap();
    assert_eq!(pool.status().capacity, 7);
    registry.declare_bulkhead("orders", fifty, "shop::c").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_throttle_is_the_same_actor_under_another_kind_and_names_itself_so() {
    let registry = registry();
    let one = BulkheadConfig::from_throttle(&Settings::new().with("max_concurrent", 1).with("queue", 0));
    let throttle = registry.declare_throttle("analyze", one.unwrap(), "shop::analyze").unwrap();
    let _held = throttle.acquire(Priority::Normal).await.unwrap();
    let rejection = throttle.acquire(Priority::Normal).await.unwrap_err();
    assert!(matches!(rejection, Rejection::Full { policy: Kind::Throttle, .. }));
    assert_eq!(rejection.http_status(), 503);
    assert!(registry.throttle("analyze").is_some() && registry.bulkhead("analyze").is_none());
    let view = &registry.actors()[0];
    assert_eq!((view.kind, view.state.as_str()), (Kind::Throttle, "1 of 1 in use, 0 waiting"));
}

#[tokio::test(start_paused = true)]
async fn operators_see_every_actor_in_order_with_its_state_and_restarts() {
    let registry = registry();
    for name in ["payments", "catalog"] {
        registry.declare_breaker(name, BreakerConfig::default(), "test").unwrap();
    }
    registry.crash(Kind::Breaker, "payments").await.unwrap().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    let seen: Vec<_> = registry.actors().into_iter().map(|actor| (actor.name, actor.restarts)).collect();
    assert_eq!(seen, [("catalog".to_owned(), 0), ("payments".to_owned(), 1)]);
    assert!(registry.crash(Kind::Breaker, "nobody").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_one_runtime_is_taken_over_by_the_next() {
    let first = registry();
    let breaker = first.declare_breaker("db", BreakerConfig::default(), "test").unwrap();
    breaker.force_open().await;
    let second = registry();
    second.declare_breaker("db", BreakerConfig::default(), "test").unwrap();
    second.remember(first.snapshots());
    assert_eq!(second.actors()[0].state, "forced_open");
}
#[tokio::test(start_paused = true)]
async fn a_name_that_is_declared_later_gets_its_state_then_and_one_that_nobody_declares_is_carried_on() {
    let first = registry();
    for name in ["a", "b"] {
        let breaker = first.declare_breaker(name, BreakerConfig::default(), "test").unwrap();
        breaker.force_open().await;
    }
    let second = registry();
    second.remember(first.snapshots());
    assert_eq!(second.snapshots().len(), 2);
    second.declare_breaker("b", BreakerConfig::default(), "test").unwrap();
    assert_eq!(second.actors()[0].state, "forced_open");
    let third = registry();
    third.remember(second.snapshots());
    for name in ["a", "b"] {
        let breaker = third.declare_breaker(name, BreakerConfig::default(), "test").unwrap();
        assert_eq!(breaker.state(), crate::breaker::BreakerState::ForcedOpen, "{name}");
    }
    let written = WallTime::from_nanos(1);
    let old = SavedActor { kind: Kind::Breaker, name: "gone".to_owned(), written, state: vec![1] };
    third.remember([old]);
    assert!(third.snapshots().iter().all(|saved| saved.name != "gone"), "a name that is gone for good");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_read_is_told_once_and_its_actor_begins_as_new() {
    let registry = registry();
    let written = registry.ground().clock().wall();
    let saved = |name: &str| SavedActor {
        kind: Kind::Breaker,
        name: name.to_owned(),
        written,
        state: b"not ours".to_vec(),
    };
    registry.declare_breaker("early", BreakerConfig::default(), "test").unwrap();
    registry.remember([saved("early"), saved("late")]);
    let late = registry.declare_breaker("late", BreakerConfig::default(), "test").unwrap();
    let told = registry.take_not_restored();
    let names: Vec<&str> = told.iter().map(|failure| failure.name.as_str()).collect();
    assert_eq!(names, ["early", "late"]);
    assert!(told[0].to_string().contains("begins as new"), "{}", told[0]);
    assert!(registry.take_not_restored().is_empty());
    assert!(late.admit(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_stop_returns_every_actor_has_stopped_also_one_that_is_left_alone() {
    let registry = registry();
    for name in ["well", "failed"] {
        let breaker = registry.declare_breaker(name, BreakerConfig::default(), "test").unwrap();
        breaker.admit(None).await.unwrap().note(crate::outcome::Outcome {
            ending: crate::outcome::Ending::Cancelled,
            latency: std::time::Duration::ZERO,
        });
    }
    for _ in 0..6 {
        registry.crash(Kind::Breaker, "failed").await.unwrap().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    registry.stop().await;
    let well = registry.breaker("well").unwrap();
    let input = crate::breaker::BreakerInput::Admit { patience: None };
    let input = crate::breaker::KeyedInput { key: None, input };
    let asked = well.hosted().ask(well.hosted().ticket(), input);
    assert!(matches!(asked.await, Err(AskError::Gone)));
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_hangs_answers_nobody_and_one_with_a_full_mailbox_says_so_at_once_and_both_come_back() {
    use crate::breaker::BreakerState;
    let registry = registry();
    let asking = crate::settings::Settings::new().with("grants", "off");
    let asking = BreakerConfig::from_settings(&asking).unwrap();
    let breaker = registry.declare_breaker("db", asking, "test").unwrap();
    let clock = Arc::clone(registry.ground().clock());
    let (ask, second) = (breaker.hosted().options().ask_timeout, std::time::Duration::from_secs(1));
    for full in [false, true] {
        breaker.force_open().await;
        let start = clock.now();
        registry.hang(Kind::Breaker, "db", start.after(second), full).await.unwrap().unwrap();
        assert!(breaker.admit(None).await.is_err());
        let waited = clock.now().since(start);
        assert!(if full { waited < ask / 10 } else { waited >= ask }, "{full} {waited:?}");
        breaker.reset().await;
        tokio::time::sleep(second * 2).await;
        assert_eq!(breaker.state(), BreakerState::Closed, "what was noted meanwhile is not lost");
    }
}
