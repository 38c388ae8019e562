use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::{Clock, Time, WallTime};
use crate::event::{Event, EventSink};
use crate::host::{Ground, HostOptions, Hosted};
use crate::machine::{Kind, Machine as _};
use crate::rejection::{ConflictReason, Rejection, RejectionKind};
use crate::settings::Settings;

mod code;
mod grants;
mod outages;
mod runs;
mod waiting;

struct Ignore;

impl EventSink for Ignore {
    fn record(&self, _: Event) {}
}

/// 2026-01-01: a calendar that a paused tokio runtime moves on.
const WALL_AT_START: WallTime = WallTime::from_nanos(1_767_225_600_000_000_000);

const ORDER: Fingerprint = [1; 32];
const OTHER_ORDER: Fingerprint = [2; 32];

fn store(settings: &Settings) -> IdempotencyHandle {
    let site = Idempotent::from_settings(settings).unwrap();
    let config = site.store_config().clone();
    let (clock, tokio) = (Arc::new(Clock::starting_at(WALL_AT_START)), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), HostOptions::default());
    let hosted = Hosted::new(ground, Kind::Idempotency, "default", config.clone());
    IdempotencyHandle::new(hosted, config).of_site(site)
}

fn key(text: &str) -> RecordKey {
    let space = KeySpace { scope: "POST /orders", principal: Principal::User("u7"), path: &[] };
    RecordKey::explicit(space, text).unwrap()
}

fn bytes(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn pass(time: Duration) {
    // In small steps, so that every timer in between fires at its time.
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(Duration::from_millis(500));
        tokio::time::advance(step).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        left -= step;
    }
}

async fn begin(store: &IdempotencyHandle, text: &str) -> Result<Begun, Rejection> {
    store.begin(&key(text), ORDER, Time::MAX).await
}

/// A run whose handler is polled.
async fn started(store: &IdempotencyHandle, text: &str) -> Run {
    let run = granted(begin(store, text).await);
    run.started();
    run
}

fn granted(begun: Result<Begun, Rejection>) -> Run {
    match begun {
        Ok(Begun::Run(run)) => run,
        other => panic!("it must run: {other:?}"),
    }
}

fn replayed(begun: Result<Begun, Rejection>) -> String {
    match begun {
        Ok(Begun::Replay(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("it must be a replay: {other:?}"),
    }
}

/// Why it was refused, with the status and the time to try again in whole seconds, rounded up.
fn conflict(begun: Result<Begun, Rejection>) -> (ConflictReason, u16, Option<u64>) {
    match begun {
        Err(ref rejection @ Rejection::Conflict { reason, retry_after, .. }) => {
            let after = retry_after.map(|after| after.as_nanos().div_ceil(1_000_000_000));
            (reason, rejection.http_status(), after.map(|after| u64::try_from(after).unwrap()))
        }
        other => panic!("it must be a conflict: {other:?}"),
    }
}

async fn crash_too_often(store: &IdempotencyHandle) {
    for _ in 0..6 {
        store.hosted().crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(store.hosted().is_failed());
}
