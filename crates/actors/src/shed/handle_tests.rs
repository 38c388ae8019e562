use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::bulkhead::Priority;
use crate::clock::Clock;
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::rejection::RejectionKind;
use crate::settings::Settings;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn handle(settings: &Settings) -> ShedHandle {
    let config = Shed::from_settings(settings).unwrap();
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    ShedHandle::new(Hosted::new(ground, Kind::Shed, "orders", config), config)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Calls one after another that each wait for 50 ms.
async fn overload(shed: &ShedHandle, calls: u32) -> u32 {
    let mut refused = 0;
    for _ in 0..calls {
        match shed.admit(Priority::Normal).await {
            Ok(pass) => {
                tokio::time::sleep(millis(50)).await;
                pass.began();
            }
            Err(rejection) => {
                assert_eq!((rejection.kind(), rejection.name()), (RejectionKind::Shed, "orders"));
                assert_eq!((rejection.http_status(), rejection.retry_after()), (503, Some(millis(100))));
                refused += 1;
                tokio::time::sleep(millis(1)).await;
            }
        }
    }
    refused
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_too_long_get_the_next_ones_turned_away_as_503() {
    let shed = handle(&Settings::new());
    assert!(overload(&shed, 100).await > 10);
    assert!(shed.status().shed.iter().sum::<u64>() > 10);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gives_up_tells_how_long_it_waited_and_one_refused_at_once_tells_nothing() {
    let shed = handle(&Settings::new());
    drop(shed.admit(Priority::Normal).await.unwrap());
    tokio::time::sleep(millis(1)).await;
    assert_eq!(shed.status().delay, None);
    let gives_up = shed.admit(Priority::Normal).await.unwrap();
    tokio::time::sleep(millis(30)).await;
    drop(gives_up);
    tokio::time::sleep(millis(1)).await;
    assert_eq!(shed.status().delay, Some(millis(30)));
}

#[tokio::test(start_paused = true)]
async fn observe_counts_and_refuses_nothing_and_off_does_neither() {
    let observed = handle(&Settings::new().with("mode", "observe"));
    assert_eq!(overload(&observed, 100).await, 0);
    assert!(observed.would_refuse() > 10);
    let off = handle(&Settings::new().with("mode", "off"));
    assert_eq!((overload(&off, 100).await, off.status().share), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_answer_calls_pass_unless_they_are_to_be_rejected_then() {
    for (on_unavailable, expected) in [("allow", None), ("reject", Some(RejectionKind::Unavailable))] {
        let shed = handle(&Settings::new().with("on_unavailable", on_unavailable));
        overload(&shed, 60).await;
        assert!(!shed.status().is_calm());
        shed.hosted().hang(shed.hosted().now().after(millis(5_000)), true).await.unwrap();
        let answer = shed.admit(Priority::Normal).await;
        assert_eq!(answer.err().map(|rejection| rejection.kind()), expected);
    }
}
