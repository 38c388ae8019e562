//! Real threads and a real clock; nothing sleeps, each step waits for a word of the one before.

use std::sync::mpsc;
use std::thread::current;

use super::*;

fn threads(capacity: i64) -> BulkheadHandle {
    pool(&Settings::new().with("kind", "threads").with("capacity", capacity).with("queue", 4))
}

async fn permit(pool: &BulkheadHandle) -> SharedPermit {
    acquire(pool).await.unwrap().shared()
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// Work that says when it has begun, and ends when it is told to.
struct Gated {
    begun: tokio::sync::oneshot::Receiver<()>,
    end: mpsc::Sender<()>,
}

fn gated() -> (impl FnOnce() -> u32 + Send, Gated) {
    let ((begins, begun), (end, ends)) = (tokio::sync::oneshot::channel(), mpsc::channel::<()>());
    let work = move || {
        begins.send(()).unwrap();
        ends.recv().unwrap();
        7
    };
    (work, Gated { begun, end })
}

#[tokio::test]
async fn work_runs_on_a_thread_of_its_own_that_bears_the_pools_name() {
    let pool = threads(2);
    let permit = permit(&pool).await;
    let name = permit.blocking(Time::MAX, || current().name().map(str::to_owned)).await.unwrap();
    assert_eq!(name.as_deref(), Some("orders-1"));
}

#[tokio::test]
async fn the_permit_comes_back_when_the_thread_is_free_and_not_when_its_caller_has_left() {
    let pool = threads(1);
    let permit = permit(&pool).await;
    let (work, gated) = gated();
    let caller = tokio::spawn(async move { permit.blocking(Time::MAX, work).await });
    gated.begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!((pool.in_use(), pool.available()), (1, 0));
    gated.end.send(()).unwrap();
    // Granted by what the thread gave back.
    drop(acquire(&pool).await.unwrap());
}

#[tokio::test]
async fn work_that_is_queued_is_dropped_when_its_caller_leaves_and_never_runs() {
    let pool = threads(3);
    let permits = [permit(&pool).await, permit(&pool).await, permit(&pool).await];
    // Two threads are left: one for the permit, one for the lane of reduced calls.
    pool.set_capacity(1).unwrap();
    let mut running = Vec::new();
    for permit in &permits[..2] {
        let ((work, gated), permit) = (gated(), permit.clone());
        running.push((tokio::spawn(async move { permit.blocking(Time::MAX, work).await }), gated.end));
        gated.begun.await.unwrap();
    }
    let (ran, held) = (Arc::new(()), permits[2].clone());
    let witness = Arc::clone(&ran);
    let queued = tokio::spawn(async move { held.blocking(Time::MAX, move || drop(witness)).await });
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&ran), 2);
    queued.abort();
    assert!(queued.await.unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&ran), 1);
    for (running, end) in running {
        end.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(7));
    }
    drop(permits);
    until(|| pool.in_use() == 0).await;
}

#[tokio::test]
async fn a_panic_is_its_callers_and_the_thread_goes_on() {
    let pool = threads(1);
    let permit = permit(&pool).await;
    let panicking = permit.clone();
    let panicked = tokio::spawn(async move {
        let _ = panicking.blocking(Time::MAX, || panic!("no such file")).await;
    });
    let panic = panicked.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"no such file"));
    let name = permit.blocking(Time::MAX, || current().name().map(str::to_owned)).await.unwrap();
    assert_eq!(name.as_deref(), Some("orders-1"));
}

#[tokio::test]
async fn second_work_under_one_permit_waits_for_the_first() {
    let pool = threads(4);
    let permit = permit(&pool).await;
    let (work, gated) = gated();
    let (first, second) = (permit.clone(), permit.clone());
    let first = tokio::spawn(async move { first.blocking(Time::MAX, work).await });
    gated.begun.await.unwrap();
    let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let runs = Arc::clone(&ran);
    let runs = move || runs.store(true, std::sync::atomic::Ordering::Release);
    let second = tokio::spawn(async move { second.blocking(Time::MAX, runs).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!ran.load(std::sync::atomic::Ordering::Acquire));
    gated.end.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(7), Ok(())));
}

#[tokio::test]
async fn work_whose_deadline_is_over_does_not_begin() {
    let pool = threads(1);
    let permit = permit(&pool).await;
    let refused = permit.blocking(pool.hosted().now(), || 7).await.unwrap_err();
    assert_eq!(reason(&refused), Some(FullReason::WaitedTooLong));
}

#[tokio::test(start_paused = true)]
async fn on_a_paused_clock_it_runs_at_once_on_the_thread_that_asks() {
    let pool = threads(1);
    let permit = permit(&pool).await;
    let (before, caller) = (pool.hosted().now(), current().id());
    assert_eq!(permit.blocking(Time::MAX, || current().id()).await, Ok(caller));
    assert_eq!(pool.hosted().now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_another_kind_has_no_threads() {
    let pool = of(1);
    let refused = permit(&pool).await.blocking(Time::MAX, || ()).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Misconfigured);
    assert!(refused.to_string().contains("kind = \"threads\""), "{refused}");
}
