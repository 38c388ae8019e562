use std::path::PathBuf;

use steadfast_actors::breaker::{BreakerConfig, BreakerHandle, BreakerState};
use steadfast_actors::clock::{Time, WallTime};
use steadfast_actors::idempotency::{
    Begun, IdempotencyConfig, IdempotencyHandle, KeySpace, Principal, RecordKey, Run,
};
use steadfast_actors::limiter::{LimiterConfig, LimiterHandle};
use steadfast_actors::outcome::{Ending, ErrorKind, Outcome};
use steadfast_actors::registry::SavedActor;
use steadfast_actors::rejection::{ConflictReason, Rejection};
use steadfast_actors::settings::Settings;
use tempfile::TempDir;

use super::*;
use crate::Runtime;
use crate::runtime::BuildError;

mod damage;
mod other_disks;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A place for a file, and processes that use it one after another.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        Disk { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("steadfast.states")
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A process that starts so many seconds after 2026-01-01.
    fn try_process(&self, at: u64) -> Result<Runtime, BuildError> {
        let wall = WallTime::from_nanos(1_767_225_600_000_000_000).after(seconds(at));
        let builder = Runtime::builder().isolated().seed(1).environment([]).wall_clock_from(wall);
        builder.snapshots(self.file()).build()
    }

    fn process(&self, at: u64) -> Runtime {
        self.try_process(at).unwrap()
    }
}

fn breaker(runtime: &Runtime) -> BreakerHandle {
    let settings = Settings::new().with("failure_threshold", 1);
    let config = BreakerConfig::from_settings(&settings).unwrap();
    runtime.registry().declare_breaker("payments", config, "test").unwrap()
}

fn limiter(runtime: &Runtime) -> LimiterHandle {
    let settings = Settings::new().with("requests", 2).with("per", "minute");
    let config = LimiterConfig::from_settings(&settings).unwrap();
    runtime.registry().declare_limiter("api", config, "test").unwrap()
}

fn store(runtime: &Runtime) -> IdempotencyHandle {
    runtime.registry().declare_idempotency("default", IdempotencyConfig::default(), "test").unwrap()
}

async fn begin(store: &IdempotencyHandle, text: &str) -> Result<Begun, Rejection> {
    let space = KeySpace { scope: "POST /orders", principal: Principal::User("u7"), path: &[] };
    let key = RecordKey::explicit(space, text).unwrap();
    store.begin(&key, [1; 32], Time::MAX).await
}

async fn started(store: &IdempotencyHandle, text: &str) -> Run {
    let Ok(Begun::Run(run)) = begin(store, text).await else { panic!("{text} must run") };
    run.started();
    run
}

async fn complete(store: &IdempotencyHandle, text: &str) {
    started(store, text).await.complete(Some(text.as_bytes().into())).await;
}

async fn replays(store: &IdempotencyHandle, text: &str) -> bool {
    matches!(begin(store, text).await, Ok(Begun::Replay(bytes)) if *bytes == *text.as_bytes())
}

fn conflict(begun: Result<Begun, Rejection>) -> (ConflictReason, u64) {
    match begun {
        Err(Rejection::Conflict { reason, retry_after: Some(after), .. }) => {
            (reason, after.as_secs_f64().ceil() as u64)
        }
        other => panic!("it must be a conflict: {other:?}"),
    }
}

async fn open(breaker: &BreakerHandle) {
    let outcome = Outcome { ending: Ending::Error(ErrorKind::ServerError), latency: Duration::ZERO };
    breaker.admit(None).await.unwrap().report(outcome).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn what_one_process_knew_is_what_the_next_begins_with_less_the_time_between_them() {
    let disk = Disk::new();
    let first = disk.process(0);
    assert_eq!(first.restored(), Some(&Restored::default()), "a first start is no problem");
    open(&breaker(&first)).await;
    limiter(&first).check("a").await.unwrap();
    limiter(&first).check("a").await.unwrap();
    complete(&store(&first), "k").await;
    assert!(first.shutdown(seconds(1)).await);

    let second = disk.process(10);
    assert_eq!(second.restored(), Some(&Restored { actors: 3, ..Restored::default() }));
    let rejection = breaker(&second).admit(None).await.unwrap_err();
    let left = rejection.retry_after().unwrap();
    assert!(left <= seconds(20) && left > seconds(19), "open for at most its rest: {left:?}");
    let left = limiter(&second).check("a").await.unwrap_err().retry_after().unwrap();
    assert!(left <= seconds(50) && left > seconds(48), "{left:?}");
    assert!(replays(&store(&second), "k").await);
    drop(second);

    let third = disk.process(24 * 60 * 60);
    let probe = breaker(&third).admit(None).await.unwrap();
    assert!(probe.is_probe(), "its time is over, so it lets a probe in");
    assert_eq!(limiter(&third).check("a").await.unwrap().remaining, 1);
    assert!(!replays(&store(&third), "k").await);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_flight_is_409_for_the_rest_of_its_lease_and_unknown_from_then_on() {
    let disk = Disk::new();
    let first = disk.process(0);
    let _run = started(&store(&first), "k").await;
    assert!(first.save().await.unwrap());
    // Killed: it is never shut down.
    drop(first);
    let second = disk.process(5);
    assert_eq!(conflict(begin(&store(&second), "k").await), (ConflictReason::InFlight, 25));
    tokio::time::sleep(seconds(26)).await;
    assert_eq!(conflict(begin(&store(&second), "k").await), (ConflictReason::Unknown, 899));
}

#[tokio::test(start_paused = true)]
async fn states_are_written_every_thirty_seconds_so_that_a_process_that_is_killed_loses_no_more() {
    let disk = Disk::new();
    let first = disk.process(0);
    complete(&store(&first), "k").await;
    tokio::time::sleep(PERIOD - seconds(1)).await;
    assert!(disk.names().is_empty());
    tokio::time::sleep(seconds(2)).await;
    assert!(!first.save().await.unwrap(), "all of it is written");
    assert!(replays(&store(&disk.process(31)), "k").await);
    assert_eq!(disk.names(), ["steadfast.states"]);
}

#[tokio::test(start_paused = true)]
async fn a_state_is_written_only_where_it_has_changed() {
    let disk = Disk::new();
    let runtime = disk.process(0);
    assert!(runtime.save().await.unwrap());
    assert!(!runtime.save().await.unwrap());
    complete(&store(&runtime), "k").await;
    assert!(runtime.save().await.unwrap());
    tokio::time::sleep(seconds(100)).await;
    assert!(!runtime.save().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn after_its_shutdown_a_runtime_leaves_the_file_to_the_next_process() {
    let disk = Disk::new();
    let first = disk.process(0);
    let handle = store(&first);
    assert!(first.shutdown(seconds(1)).await);
    let second = disk.process(0);
    complete(&store(&second), "k").await;
    assert!(second.save().await.unwrap());
    handle.hosted().note(steadfast_actors::idempotency::IdempotencyInput::Renew(handle.hosted().ticket()));
    tokio::time::sleep(PERIOD * 3).await;
    assert!(!first.save().await.unwrap());
    first.shutdown(seconds(1)).await;
    assert!(replays(&store(&disk.process(90)), "k").await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_grace_is_in_flight_for_the_next_process() {
    let disk = Disk::new();
    let first = disk.process(0);
    let run = started(&store(&first), "k").await;
    first.shutdown(seconds(1)).await;
    run.complete(Some(b"too late".as_slice().into())).await;
    let second = disk.process(2);
    assert_eq!(conflict(begin(&store(&second), "k").await).0, ConflictReason::InFlight);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_process_does_not_declare_is_carried_on_to_one_that_does() {
    let disk = Disk::new();
    let first = disk.process(0);
    complete(&store(&first), "k").await;
    first.shutdown(seconds(1)).await;
    let without = disk.process(10);
    open(&breaker(&without)).await;
    without.shutdown(seconds(1)).await;
    let third = disk.process(20);
    assert!(replays(&store(&third), "k").await);
    assert!(breaker(&third).admit(None).await.is_err());
}

#[test]
fn a_runtime_outside_tokio_keeps_its_file_too() {
    let disk = Disk::new();
    let caller = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = disk.process(0);
    caller.block_on(async {
        complete(&store(&first), "k").await;
        assert!(first.shutdown(seconds(1)).await);
    });
    let second = disk.process(10);
    assert!(caller.block_on(async { replays(&store(&second), "k").await }));
}

#[tokio::test(start_paused = true)]
async fn without_a_file_nothing_is_kept_and_saving_says_so() {
    let runtime = Runtime::builder().isolated().seed(1).environment([]).build().unwrap();
    assert_eq!(runtime.restored(), None);
    assert!(!runtime.save().await.unwrap());
    assert!(runtime.shutdown(seconds(1)).await);
}
