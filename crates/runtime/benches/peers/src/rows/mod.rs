//! The rows of the table: what is ours, what is the peer's, and how much of the peer's cost ours may take.

mod ask;
mod breaker;
mod bulkhead;
mod floor;
mod idempotency;
mod limiter;
pub(crate) mod overload;
mod retry;
pub(crate) mod scale;
mod stack;
mod timeout;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use steadfast::actors::clock::Clock;
use steadfast::actors::outcome::ErrorKind;
use steadfast::actors::settings::{Problem, Settings};
use steadfast::{Classify, Grants, Rejection, Runtime};

use crate::measure::{Bench, Effort, Work};
use crate::table::Line;

/// The runtimes that ours are measured on.
pub(crate) struct Grounds {
    /// As a service has it: installed, with every grant.
    pub(crate) on: Runtime,
    /// Every permit asked for, every outcome a message.
    pub(crate) off: Runtime,
}

impl Grounds {
    pub(crate) fn build() -> Result<Self, Box<dyn Error>> {
        // On one thread tokio might be paused, so that a runtime has to be told that it never is.
        let builder = || Runtime::builder().environment([]).clock(Arc::new(Clock::fast()));
        let on = builder().name("peers").build()?;
        let off = builder().name("asks").isolated().grants(Grants::Off).build()?;
        Ok(Grounds { on, off })
    }

    pub(crate) async fn end(self) {
        self.on.shutdown(Duration::from_secs(1)).await;
        self.off.shutdown(Duration::from_secs(1)).await;
    }
}

/// The error of a handler, a word as those of the peers' handlers: each call pays for its error's size, protected or not.
#[derive(Debug)]
pub(crate) struct Failed(Box<Rejection>);

impl From<Rejection> for Failed {
    fn from(rejection: Rejection) -> Self {
        Failed(Box::new(rejection))
    }
}

impl Classify for Failed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn rejection(&self) -> Option<&Rejection> {
        Some(&self.0)
    }
}

/// Messages that actors have taken so far.
type Messages = Box<dyn Fn() -> u64 + Send + Sync>;

pub(crate) struct Case {
    pub(crate) what: String,
    peer: &'static str,
    limits: [Option<f64>; 2],
    ours: Work,
    asks: Option<Work>,
    theirs: Work,
    messages: Option<Messages>,
    pub(crate) on_two_threads: bool,
}

impl Case {
    fn new(what: &str, peer: &'static str, ours: Work, theirs: Work) -> Self {
        Case {
            what: what.to_owned(),
            peer,
            limits: [None; 2],
            ours,
            asks: None,
            theirs,
            messages: None,
            on_two_threads: true,
        }
    }

    /// What ours may cost at most, as a part of the peer's, on one thread and on two.
    fn within(mut self, one: f64, two: f64) -> Self {
        self.limits = [Some(one), Some(two)];
        self
    }

    fn asking(mut self, asks: Work) -> Self {
        self.asks = Some(asks);
        self
    }

    fn counting(mut self, messages: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.messages = Some(Box::new(messages));
        self
    }

    fn on_one_thread(mut self) -> Self {
        self.on_two_threads = false;
        self
    }

    pub(crate) fn measured(&self, bench: &Bench, effort: Effort) -> Line {
        let works: Vec<&Work> = [&self.ours, &self.theirs].into_iter().chain(&self.asks).collect();
        let medians = bench.medians(&works, effort);
        Line {
            what: self.what.clone(),
            peer: self.peer.to_owned(),
            threads: bench.threads,
            unit: "ns",
            ours_ns: medians[0],
            peer_ns: medians[1],
            ratio: medians[0] / medians[1],
            limit: self.limits[bench.threads - 1],
            grants_off_ns: medians.get(2).copied(),
            messages: self.messages.as_ref().map(|messages| self.messages_per_call(bench, messages)),
            allocations: bench.allocations(&self.ours),
            peer_allocations: bench.allocations(&self.theirs),
        }
    }

    fn messages_per_call(&self, bench: &Bench, messages: &Messages) -> f64 {
        let calls = bench.calls_for(&self.ours, Duration::from_millis(2)).max(1_000);
        let before = messages();
        bench.time(&self.ours, calls);
        // What is still on its way belongs to these calls too.
        bench.tokio.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        (messages() - before) as f64 / (calls * bench.threads as u64) as f64
    }
}

/// All rows but those of size and number.
pub(crate) async fn all(grounds: &Grounds) -> Vec<Case> {
    let mut cases = breaker::cases(grounds).await;
    cases.extend(limiter::cases(grounds).await);
    cases.extend(bulkhead::cases(grounds).await);
    cases.extend(timeout::cases(grounds));
    cases.extend(retry::cases(grounds));
    cases.extend(idempotency::cases(grounds).await);
    cases.extend(stack::cases(grounds));
    cases.extend(ask::cases(grounds).await);
    cases.extend(floor::cases());
    cases
}

/// Settings that are right.
fn checked<C>(settings: Settings, read: impl FnOnce(&Settings) -> Result<C, Vec<Problem>>) -> C {
    read(&settings).expect("the settings are right")
}
