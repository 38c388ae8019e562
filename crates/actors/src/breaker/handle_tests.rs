use std::sync::Arc;
use std::time::Duration;

use super::gate::Passage;
use super::*;
use crate::clock::Clock;
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::outcome::{Ending, ErrorKind, Outcome};
use crate::rejection::RejectionKind;
use crate::settings::Settings;

mod calls;
mod gate;
mod granted;
mod keys;
mod oracle;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn handle(settings: &Settings) -> BreakerHandle {
    let config = Arc::new(BreakerConfig::from_settings(settings).unwrap());
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    BreakerHandle::new(Hosted::new(ground, Kind::Breaker, "db", Arc::clone(&config)), config)
}

fn failure() -> Outcome {
    Outcome { ending: Ending::Error(ErrorKind::ServerError), latency: Duration::ZERO }
}

async fn opened(settings: Settings) -> BreakerHandle {
    let breaker = handle(&settings.with("failure_threshold", 1).with("success_threshold", 1));
    breaker.admit(None).await.unwrap().report(failure()).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_with_its_name_and_the_time_left() {
    let breaker = opened(Settings::new()).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let rejection = breaker.admit(None).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.name()), (RejectionKind::Open, "db"));
    let left = rejection.retry_after().unwrap();
    assert!(left <= Duration::from_secs(20) && left > Duration::from_secs(19), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_gives_its_slot_back() {
    let breaker = opened(Settings::new()).await;
    tokio::time::advance(Duration::from_secs(31)).await;
    let probe = breaker.admit(None).await.unwrap();
    assert!(probe.is_probe());
    assert!(breaker.admit(None).await.is_err());
    drop(probe);
    assert!(breaker.admit(None).await.unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn observe_mode_decides_and_counts_but_lets_pass_and_off_does_not_even_ask() {
    let breaker = opened(Settings::new().with("mode", "observe")).await;
    assert!(breaker.admit(None).await.is_ok());
    assert_eq!(breaker.would_refuse(), 1);
    let off = handle(&Settings::new().with("mode", "off"));
    for _ in 0..20 {
        off.admit(None).await.unwrap().report(failure()).await;
    }
    assert_eq!(off.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_decide_a_closed_breaker_allows_and_an_open_one_lets_only_its_probes_in() {
    for (open, passing) in [(false, 10), (true, 1)] {
        let breaker = if open { opened(Settings::new()).await } else { handle(&Settings::new()) };
        let epoch = breaker.status().epoch;
        for _ in 0..6 {
            breaker.hosted().crash().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::advance(Duration::from_secs(40)).await;
        let mut permits = Vec::new();
        for _ in 0..10 {
            permits.extend(breaker.admit(None).await.ok());
        }
        assert_eq!(permits.len(), passing, "open: {open}");
        assert_eq!(breaker.status().epoch, epoch);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_to_reject_refuses_while_its_actor_cannot_decide() {
    let breaker = handle(&Settings::new().with("on_unavailable", "reject"));
    for _ in 0..6 {
        breaker.hosted().crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rejection = breaker.admit(None).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Unavailable);
    assert!(rejection.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_operators_order_is_seen_as_soon_as_it_returns() {
    let breaker = handle(&Settings::new());
    breaker.force_open().await;
    assert_eq!(breaker.state(), BreakerState::ForcedOpen);
    assert!(breaker.admit(None).await.is_err());
    breaker.force_close().await;
    assert!(breaker.admit(None).await.is_ok());
    breaker.reset().await;
    assert_eq!(breaker.state(), BreakerState::Closed);
}
