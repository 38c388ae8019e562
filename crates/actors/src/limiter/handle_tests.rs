use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::{Clock, Time};
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::rejection::{Rejection, RejectionKind};
use crate::settings::Settings;

mod grants;
mod outages;
mod waiting;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn handle_with(settings: &Settings, options: HostOptions) -> LimiterHandle {
    let config = LimiterConfig::from_settings(settings).unwrap();
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), options);
    LimiterHandle::new(Hosted::new(ground, Kind::Limiter, "api", config.clone()), config)
}

fn handle(settings: &Settings) -> LimiterHandle {
    handle_with(settings, HostOptions::default())
}

fn limit(requests: i64, per: &str) -> Settings {
    Settings::new().with("requests", requests).with("per", per)
}

async fn seconds(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// How many of `calls` pass.
async fn pass(limiter: &LimiterHandle, key: &str, calls: usize) -> usize {
    let mut passed = 0;
    for _ in 0..calls {
        passed += usize::from(limiter.check(key).await.is_ok());
    }
    passed
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_refused_with_its_name_its_words_its_standing_and_the_time_left() {
    let limiter = handle(&limit(2, "minute"));
    assert_eq!(limiter.check("a").await.unwrap().remaining, 1);
    assert_eq!(limiter.check("a").await.unwrap().remaining, 0);
    let rejection = limiter.check("a").await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.name()), (RejectionKind::RateLimited, "api"));
    assert!(rejection.to_string().contains("2 a minute"), "{rejection}");
    assert_eq!(rejection.decision().map(|decision| (decision.remaining, decision.limit)), Some((0, 2)));
    let left = rejection.retry_after().unwrap();
    assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(59), "{left:?}");
    assert!(limiter.check("b").await.is_ok());
    tokio::time::advance(left).await;
    assert!(limiter.check("a").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_cost_above_the_quota_is_refused_without_a_time_to_try_again_and_zero_only_looks() {
    let limiter = handle(&limit(3, "2s"));
    assert_eq!(limiter.check_n("a", 4).await.unwrap_err().retry_after(), None);
    assert_eq!(limiter.check_n("a", 0).await.unwrap().remaining, 3);
    assert_eq!(limiter.check_n("a", 3).await.unwrap().remaining, 0);
}

/// One call through two limiters, as one decision.
async fn both(first: &LimiterHandle, second: &LimiterHandle) -> Result<(), Rejection> {
    let first = first.reserve("", 1, Time::MAX).await?;
    let second = second.reserve("", 1, Time::MAX).await?;
    first.settle();
    second.settle();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_second_limiter_refuses_spends_nothing_of_the_first() {
    let (minute, second) = (handle(&limit(2, "minute")), handle(&limit(1, "second")));
    assert!(both(&minute, &second).await.is_ok());
    assert!(both(&minute, &second).await.is_err());
    seconds(1).await;
    assert!(both(&minute, &second).await.is_ok());
    assert_eq!(minute.check("").await.unwrap_err().decision().unwrap().remaining, 0);
    let status = minute.status();
    assert_eq!((status.granted, status.held), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_counts_for_others_until_it_is_given_back_and_is_spent_for_good_once_settled() {
    let limiter = handle(&limit(1, "minute"));
    let held = limiter.reserve("a", 1, Time::MAX).await.unwrap();
    assert_eq!(held.decision().remaining, 0);
    assert_eq!(held.limiter().name(), "api");
    assert!(limiter.check("a").await.is_err());
    drop(held);
    let held = limiter.reserve("a", 1, Time::MAX).await.unwrap();
    held.settle();
    assert!(limiter.check("a").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_reserve_that_is_dropped_at_any_point_of_its_way_holds_nothing() {
    for polls in 0..6 {
        let limiter = handle(&limit(1, "minute"));
        limiter.check("another").await.unwrap();
        {
            let mut reserve = std::pin::pin!(limiter.reserve("a", 1, Time::MAX));
            for _ in 0..polls {
                let mut once = std::pin::pin!(std::future::poll_fn(|context| {
                    std::task::Poll::Ready(reserve.as_mut().poll(context).is_ready())
                }));
                if once.as_mut().await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        assert!(limiter.check("a").await.is_ok(), "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn observe_mode_decides_and_counts_but_lets_pass_and_off_does_not_even_ask() {
    let observed = handle(&limit(2, "minute").with("mode", "observe"));
    assert_eq!(pass(&observed, "a", 5).await, 5);
    assert_eq!(observed.would_refuse(), 3);
    assert_eq!(observed.check("a").await.unwrap().remaining, 0);
    let off = handle(&limit(2, "minute").with("mode", "off"));
    assert_eq!(pass(&off, "a", 5).await, 5);
    assert_eq!(off.status(), LimiterStatus::default());
}
