use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::clock::{Clock, Time};
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::Kind;
use crate::rejection::{FullReason, Rejection, RejectionKind};
use crate::settings::Settings;

mod connections;
mod crashes;
mod full;
mod grants;
mod hanging;
mod leaving;
mod threads;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

fn pool_with(settings: &Settings, options: HostOptions) -> BulkheadHandle {
    pool_of(BulkheadConfig::from_settings(settings).unwrap(), options)
}

fn pool_of(config: BulkheadConfig, options: HostOptions) -> BulkheadHandle {
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), options);
    BulkheadHandle::new(Hosted::new(ground, Kind::Bulkhead, "orders", config), config)
}

fn pool(settings: &Settings) -> BulkheadHandle {
    pool_with(settings, HostOptions::default())
}

fn of(capacity: i64) -> BulkheadHandle {
    pool(&Settings::new().with("capacity", capacity))
}

async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn acquire(pool: &BulkheadHandle) -> Result<BulkheadPermit, Rejection> {
    pool.acquire(Priority::Normal).await
}

async fn acquire_all(pool: &BulkheadHandle, number: usize) -> Vec<BulkheadPermit> {
    let mut permits = Vec::new();
    for _ in 0..number {
        permits.push(acquire(pool).await.unwrap());
    }
    permits
}

fn reason(rejection: &Rejection) -> Option<FullReason> {
    match rejection {
        Rejection::Full { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_handed_from_whoever_drops_it_to_whoever_waits() {
    let pool = of(2);
    let mut permits = acquire_all(&pool, 2).await;
    assert_eq!((pool.in_use(), pool.available(), pool.waiting()), (2, 0, 0));
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { acquire(&pool).await }
    });
    millis(300).await;
    assert_eq!(pool.waiting(), 1);
    permits.pop();
    let permit = waiter.await.unwrap().unwrap();
    assert_eq!(permit.waited(), Duration::from_millis(300));
    assert_eq!((pool.in_use(), pool.waiting()), (2, 0));
    drop((permit, permits));
    millis(1).await;
    assert_eq!((pool.in_use(), pool.available()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_pool_and_says_why_how_many_wait_how_long_it_waited_and_when_to_come_again() {
    let pool = of(1);
    let _held = acquire(&pool).await.unwrap();
    let (waited, refused) = tokio::join!(acquire(&pool), async {
        millis(400).await;
        acquire(&pool).await
    });
    let refused = refused.unwrap_err();
    assert_eq!((refused.kind(), refused.name(), refused.http_status()), (RejectionKind::Full, "orders", 503));
    assert_eq!(reason(&refused), Some(FullReason::QueueFull));
    assert!(matches!(refused, Rejection::Full { waiting: 1, policy: Kind::Bulkhead, .. }));
    let text = refused.to_string();
    assert!(text.contains("queue is full, 1 in line; try again in 600ms"), "{text}");
    let waited = waited.unwrap_err();
    assert_eq!(reason(&waited), Some(FullReason::WaitedTooLong));
    assert!(waited.to_string().ends_with("after 1s"), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn one_waits_no_longer_than_its_callers_deadline() {
    let pool = of(1);
    let _held = acquire(&pool).await.unwrap();
    let start = pool.hosted().now();
    let deadline = start.after(Duration::from_millis(70));
    let rejection = pool.acquire_until(Priority::High, deadline).await.unwrap_err();
    assert_eq!(reason(&rejection), Some(FullReason::WaitedTooLong));
    let took = pool.hosted().now().since(start);
    assert!(took < Duration::from_millis(75), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn another_capacity_takes_effect_at_once_and_zero_is_an_error_and_never_a_hang() {
    let pool = of(4);
    let mut permits = acquire_all(&pool, 4).await;
    pool.set_capacity(2).unwrap();
    permits.truncate(3);
    millis(1).await;
    assert_eq!((pool.in_use(), pool.available()), (3, 0));
    assert!(
        pool.acquire_until(Priority::High, pool.hosted().now().after(Duration::from_millis(5)))
            .await
            .is_err()
    );
    assert!(matches!(pool.set_capacity(0), Err(Rejection::Misconfigured { .. })));
    assert_eq!(pool.status().capacity, 2);
    pool.set_capacity(5).unwrap();
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn reduced_runs_have_a_lane_of_their_own_and_are_refused_when_it_is_full_too() {
    let pool = of(11);
    let _held = acquire_all(&pool, 11).await;
    let lane = [pool.acquire_optional().await.unwrap(), pool.acquire_optional().await.unwrap()];
    assert_eq!(pool.acquire_optional().await.unwrap_err().http_status(), 503);
    assert_eq!((pool.in_use(), pool.status().lane_in_use), (11, 2));
    drop(lane);
    assert!(pool.acquire_optional().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn observe_mode_lets_all_pass_at_once_and_counts_whom_it_would_have_refused_and_off_does_not_even_ask()
{
    let observed = pool(&Settings::new().with("capacity", 2).with("mode", "observe"));
    let start = observed.hosted().now();
    // Two hold a permit, one would wait, two would be refused.
    let permits = acquire_all(&observed, 5).await;
    assert_eq!(observed.hosted().now(), start);
    assert_eq!(observed.would_refuse(), 2);
    assert_eq!((observed.in_use(), observed.waiting()), (2, 1));
    millis(1_001).await;
    drop(permits);
    assert_eq!(observed.would_refuse(), 3);
    millis(1).await;
    assert_eq!((observed.in_use(), observed.waiting()), (0, 0));
    let off = pool(&Settings::new().with("capacity", 2).with("mode", "off"));
    let _permits = acquire_all(&off, 10).await;
    assert_eq!(off.status().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn closed_with_three_waiters_it_answers_each_of_them_and_whoever_comes_later() {
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 3));
    let held = acquire(&pool).await.unwrap();
    let (first, second, third, ()) =
        tokio::join!(acquire(&pool), acquire(&pool), acquire(&pool), pool.close());
    drop(held);
    for rejection in [first, second, third, acquire(&pool).await].map(Result::unwrap_err) {
        assert_eq!(reason(&rejection), Some(FullReason::Closed));
    }
    millis(1).await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_without_a_future_is_out_until_it_is_given_back_and_wakes_who_waits() {
    let pool = pool(&Settings::new().with("capacity", 2).with("queue", 1));
    let now = pool.hosted().now();
    assert_eq!(pool.try_granted(1, now), None, "whoever is too late is told so by the actor");
    let first = pool.try_granted(1, now.after(Duration::from_millis(1))).unwrap();
    let second = pool.permit(pool.try_granted(1, Time::MAX).unwrap());
    assert_eq!((pool.in_use(), pool.try_granted(1, Time::MAX)), (2, None));
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(Priority::Normal).await.is_ok() }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.waiting(), 1);
    pool.give_back_granted(first);
    assert!(waiter.await.unwrap());
    drop(second);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_outlives_its_pool_comes_back_to_no_other_one() {
    let pools: Vec<_> = (0..20).map(|_| of(2)).collect();
    let mut orphans = Vec::new();
    for pool in pools {
        orphans.extend(acquire_all(&pool, 2).await);
        assert_eq!(orphans.last().and_then(BulkheadPermit::pool).map(|pool| pool.in_use()), Some(2));
    }
    assert!(orphans.iter().all(|permit| permit.pool().is_none()));
    let mut later = Vec::new();
    while let Some(orphan) = orphans.pop() {
        // Some of these stand where others ended.
        let pool = of(2);
        later.push((acquire(&pool).await.unwrap(), pool));
        drop(orphan);
        assert!(later.iter().all(|(_, pool)| (pool.in_use(), pool.available()) == (1, 1)));
    }
}
