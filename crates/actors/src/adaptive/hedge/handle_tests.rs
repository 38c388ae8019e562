use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::settings::Settings;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn handle(settings: &Settings) -> HedgeHandle {
    let config = Hedge::from_settings(settings).unwrap();
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    HedgeHandle::new(Hosted::new(ground, Kind::Hedge, "read", config), config)
}

/// Until the actor has taken what was noted.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn leave_that_is_dropped_comes_back_and_leave_that_is_used_does_not() {
    let hedge = handle(&Settings::new().with("after", "10ms"));
    let unused = hedge.may_begin().await.unwrap();
    assert_eq!(hedge.status().affordable, Some(9));
    drop(unused);
    settled().await;
    assert_eq!(hedge.status().affordable, Some(10));
    hedge.may_begin().await.unwrap().begun();
    settled().await;
    assert_eq!((hedge.status().affordable, hedge.status().begun), (Some(9), 1));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_is_dropped_on_its_way_costs_nothing() {
    let hedge = handle(&Settings::new().with("after", "10ms"));
    for yields in 0..8 {
        let asked = tokio::spawn({
            let hedge = hedge.clone();
            async move { hedge.may_begin().await.is_some() }
        });
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        asked.abort();
        let _ = asked.await;
        settled().await;
        assert_eq!(hedge.status().affordable, Some(10), "dropped after {yields} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_answer_there_is_only_the_first_attempt() {
    let hedge = handle(&Settings::new().with("after", "10ms"));
    assert!(hedge.may_begin().await.is_some());
    let until = hedge.hosted().now().after(Duration::from_secs(5));
    hedge.hosted().hang(until, true).await.unwrap();
    assert!(hedge.may_begin().await.is_none());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(hedge.may_begin().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn observe_counts_what_it_would_begin_and_begins_nothing() {
    let hedge = handle(&Settings::new().with("after", "10ms").with("mode", "observe"));
    assert!(hedge.may_begin().await.is_none());
    settled().await;
    assert_eq!(hedge.would_begin(), 1);
    assert_eq!(handle(&Settings::new().with("after", "10ms").with("mode", "off")).delay(), None);
}

#[tokio::test(start_paused = true)]
async fn a_crash_forgets_nothing_that_was_learned() {
    let hedge = handle(&Settings::new());
    for _ in 0..20 {
        hedge.ended(Some(Duration::from_millis(30)));
    }
    hedge.hosted().crash().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let _ = hedge.may_begin().await;
    assert!(hedge.delay().is_some_and(|delay| delay >= Duration::from_millis(30)));
}
