//! What the tests of all sections share.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::actors::machine::Kind;
use steadfast::prelude::*;

/// Counts how often something ran, and how many of it ran at once.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    all: AtomicU32,
    now: AtomicU32,
    most: AtomicU32,
}

/// One of them, until it is dropped.
pub(crate) struct Running<'a>(&'a Runs);

impl Runs {
    pub(crate) const fn new() -> Self {
        Runs { all: AtomicU32::new(0), now: AtomicU32::new(0), most: AtomicU32::new(0) }
    }

    pub(crate) fn begin(&self) -> Running<'_> {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Running(self)
    }

    pub(crate) fn all(&self) -> u32 {
        self.all.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn most(&self) -> u32 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

pub(crate) async fn seconds(seconds: u64) {
    millis(seconds * 1_000).await;
}

/// Lets one actor of the present runtime panic, as a poisoned message would.
pub(crate) async fn crash(kind: Kind, name: &str) {
    let crashed = Runtime::current().registry().crash(kind, name).await;
    crashed.unwrap_or_else(|| panic!("there is no {kind} {name:?}")).unwrap();
}

/// Crashes one actor until it is left alone.
pub(crate) async fn take_down(kind: Kind, name: &str) {
    for _ in 0..6 {
        crash(kind, name).await;
        millis(100).await;
    }
    assert!(is_failed(kind, name));
}

pub(crate) fn is_failed(kind: Kind, name: &str) -> bool {
    let actors = Runtime::current().registry().actors();
    actors.iter().any(|actor| (actor.kind, actor.name.as_str(), actor.failed) == (kind, name, true))
}

/// What came of `future`, and how much virtual time it took.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let clock = std::sync::Arc::clone(Runtime::current().clock());
    let since = clock.now();
    let output = future.await;
    (output, clock.now().since(since))
}
