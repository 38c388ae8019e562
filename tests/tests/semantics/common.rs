use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::actors::breaker::BreakerHandle;
use steadfast::prelude::*;
use tokio::time::Instant;

/// How often a handler ran, and when.
#[derive(Clone)]
pub(crate) struct Runs {
    count: Arc<AtomicU32>,
    times: Arc<Mutex<Vec<Duration>>>,
    start: Instant,
}

impl Runs {
    pub(crate) fn new() -> Self {
        Runs { count: Arc::default(), times: Arc::default(), start: now() }
    }

    /// Notes a run; the first is 1.
    pub(crate) fn next(&self) -> u32 {
        self.times.lock().unwrap().push(now() - self.start);
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn all(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Milliseconds from the beginning to each run.
    pub(crate) fn at(&self) -> Vec<u128> {
        self.times.lock().unwrap().iter().map(Duration::as_millis).collect()
    }
}

/// The virtual time.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the test's own clock, which is paused")]
    Instant::now()
}

pub(crate) fn breaker(name: &str) -> BreakerHandle {
    Runtime::current().registry().breaker(name).unwrap()
}

/// Calls recorded by a breaker, and failures among them, once it has heard of all.
pub(crate) async fn counted(name: &str) -> (u32, u32) {
    // What is dropped leaves a note, which its actor reads when it is polled next.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let counts = breaker(name).status().counts;
    (counts.total, counts.failures)
}

/// A dependency's error that says what it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failed {
    Kind(ErrorKind),
    /// 429, with the wait that was asked for.
    Busy(Option<Duration>),
    Ours(Rejection),
}

impl From<Rejection> for Failed {
    fn from(rejection: Rejection) -> Self {
        Failed::Ours(rejection)
    }
}

impl Classify for Failed {
    fn kind(&self) -> ErrorKind {
        match self {
            Failed::Kind(kind) => *kind,
            Failed::Busy(_) => ErrorKind::RateLimit,
            Failed::Ours(rejection) => Classify::kind(rejection),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Failed::Busy(wait) => *wait,
            Failed::Kind(_) => None,
            Failed::Ours(rejection) => rejection.retry_after(),
        }
    }

    fn rejection(&self) -> Option<&Rejection> {
        match self {
            Failed::Ours(rejection) => Some(rejection),
            Failed::Kind(_) | Failed::Busy(_) => None,
        }
    }
}

/// What was said in the log while the guard lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn lines_with(&self, word: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(word)).cloned().collect()
    }
}

/// Listens to this thread's log, from `info` upwards.
pub(crate) fn log() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    (log.clone(), tracing::subscriber::set_default(log))
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Words(String);
        impl tracing::field::Visit for Words {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{}={value:?} ", field.name()));
            }
        }
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.lock().unwrap().push(words.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
