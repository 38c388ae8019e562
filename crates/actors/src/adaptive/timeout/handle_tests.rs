use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::outcome::{Ending, Outcome};
use crate::rejection::RejectionKind;
use crate::settings::Settings;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn handle(settings: &Settings) -> AdaptiveHandle {
    let config = AdaptiveTimeout::from_settings(settings).unwrap();
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    AdaptiveHandle::new(Hosted::new(ground, Kind::Adaptive, "page", config), config)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn base() -> Settings {
    Settings::new().with("base_timeout", "1s").with("max_timeout", "8s")
}

/// Until the actor has taken what was noted.
async fn settled() {
    tokio::time::sleep(millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn it_learns_from_what_it_is_told_without_being_asked() {
    let learned = handle(&base());
    assert_eq!(learned.begin(false), Ok(Some(millis(1_000))));
    for _ in 0..200 {
        learned.ended(millis(1_000), Outcome { ending: Ending::Success, latency: millis(50) });
    }
    settled().await;
    let limit = learned.limit(false);
    assert!(limit < millis(110), "{limit:?}");
    learned.ended(limit, Outcome { ending: Ending::TimedOut, latency: limit });
    settled().await;
    assert_eq!(learned.limit(false), limit * 2);
}

#[tokio::test(start_paused = true)]
async fn failures_cancelled_calls_and_timeouts_of_others_teach_it_nothing() {
    let learned = handle(&base());
    for ending in [Ending::Cancelled, Ending::Panicked, Ending::TimedOut] {
        for _ in 0..50 {
            learned.ended(millis(1_000), Outcome { ending, latency: millis(400) });
        }
    }
    settled().await;
    assert_eq!((learned.limit(false), learned.status().samples), (millis(1_000), 0));
}

#[tokio::test(start_paused = true)]
async fn observe_counts_what_it_would_cut_and_off_has_no_limit() {
    let observed = handle(&base().with("mode", "observe"));
    observed.ended(millis(1_000), Outcome { ending: Ending::Success, latency: millis(1_500) });
    assert_eq!(observed.would_cut(), 1);
    assert_eq!(handle(&base().with("mode", "off")).begin(false), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_was_published_last_holds_while_its_actor_is_left_alone_unless_it_is_to_reject_then() {
    for (on_unavailable, expected) in [("allow", None), ("reject", Some(RejectionKind::Unavailable))] {
        let learned = handle(&base().with("on_unavailable", on_unavailable));
        for _ in 0..8 {
            let _ = learned.hosted().crash().await;
            tokio::time::sleep(millis(1_500)).await;
        }
        assert!(learned.hosted().is_failed());
        assert_eq!(learned.begin(false).err().map(|rejection| rejection.kind()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_forgets_nothing_that_was_learned() {
    let learned = handle(&base());
    for _ in 0..200 {
        learned.ended(millis(1_000), Outcome { ending: Ending::Success, latency: millis(50) });
    }
    settled().await;
    let limit = learned.limit(false);
    learned.hosted().crash().await.unwrap();
    tokio::time::sleep(millis(2_000)).await;
    assert_eq!(learned.limit(false), limit);
}
