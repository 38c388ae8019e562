use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use steadfast::Classify;
use steadfast::deadline::Deadline;
use steadfast::outcome::{Codec, Outcome};
use steadfast::pipeline::{Inputs, Pipeline};
use steadfast::{ErrorKind, Message, Rejection};
use tokio::sync::oneshot;

use super::bound::{Bound, Request};
use super::house::House;
use super::invariants::Once;
use super::measures::Ended;
use super::running::Running;
use crate::world::{About, MessageId, Reply, Route, Served};

/// A call path with the policies of one variant around it.
pub(crate) struct Handler {
    /// What it calls: steps in order, calls of one step side by side.
    pub(crate) steps: Vec<Vec<Callee>>,
    /// Their names, in the same order.
    pub(crate) names: Vec<String>,
    /// The function that stands in for it, if one does.
    pub(crate) bound: Option<Bound>,
    pub(crate) pipeline: Pipeline,
    pub(crate) falls_back: bool,
    /// What one attempt may take, for the deadline that it tells its callees.
    pub(crate) per_attempt: Option<Duration>,
    /// What a whole call may take, its fallback included.
    pub(crate) most: Option<Duration>,
    /// The pools that its attempts hold permits of, by their place in the house.
    pub(crate) pools: Vec<usize>,
    /// How it is declared to run once, if it is.
    pub(crate) once: Option<Once>,
    /// What its layers go by.
    pub(crate) reads: Reads,
}

/// What the layers of a handler go by: a message that nobody reads is not put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reads {
    #[default]
    Nothing,
    /// Whose idempotency key it is, and the key.
    Key,
    /// Any of it.
    All,
}

/// The header in which callers send their keys.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Whom a handler calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee {
    /// A service, or a handler in another process.
    Over(Route),
    /// A handler in the same process.
    Inside(usize),
}

/// Why a call of a bound function failed. A handler that returns it can be annotated with any policy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The dependency answered so.
    #[error("the dependency answered {}", .0.as_str())]
    Kind(ErrorKind),
    /// A layer of ours refused.
    #[error(transparent)]
    Refused(Rejection),
}

impl From<Rejection> for CallError {
    fn from(rejection: Rejection) -> Self {
        CallError::Refused(rejection)
    }
}

impl Classify for CallError {
    fn kind(&self) -> ErrorKind {
        self.error_kind()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.rejection().and_then(Rejection::retry_after)
    }

    fn rejection(&self) -> Option<&Rejection> {
        match self {
            CallError::Refused(rejection) => Some(rejection),
            CallError::Kind(_) => None,
        }
    }
}

impl CallError {
    pub(crate) fn error_kind(&self) -> ErrorKind {
        match self {
            CallError::Kind(kind) => *kind,
            CallError::Refused(rejection) => rejection.kind().error_kind(),
        }
    }

    pub(crate) fn ended(&self) -> Ended {
        match self {
            CallError::Kind(kind) => Ended::Failed(kind.as_str()),
            CallError::Refused(rejection) => Ended::Rejected(rejection.kind().as_str()),
        }
    }
}

fn outcome() -> Outcome<Served, CallError> {
    Outcome::classified().stored(Codec {
        encode: |served: &Served| Some(vec![u8::from(served.degraded)]),
        decode: |bytes| bytes.first().map(|byte| Served { degraded: *byte != 0 }),
    })
}

type Called<'a> = Pin<Box<dyn Future<Output = Result<Served, CallError>> + Send + 'a>>;

impl House {
    /// Calls a handler through its layers.
    pub(crate) async fn call(self: &Arc<Self>, index: usize, about: About) -> Result<Served, CallError> {
        let handler = &self.handlers[index];
        let inputs = match handler.reads {
            Reads::Nothing => Inputs::new(),
            Reads::Key => Inputs::new().context(Some(key_message(about))),
            Reads::All => inputs(about),
        };
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let body = || self.steps(index, call, about);
        // On the heap: tasks and callers are moved before they are polled, and the layers' future is large.
        if handler.falls_back {
            let fallback = |_| std::future::ready(Ok(Served { degraded: true }));
            Box::pin(handler.pipeline.call_with_or(outcome(), inputs, body, fallback)).await
        } else {
            Box::pin(handler.pipeline.call_with(outcome(), inputs, body)).await
        }
    }

    /// What a handler does: one attempt.
    async fn steps(self: &Arc<Self>, index: usize, call: u64, mut about: About) -> Result<Served, CallError> {
        let handler = &self.handlers[index];
        let mut running = Running::begin(self, index, call, &mut about);
        about.deadline = self.deadline(handler.per_attempt);
        let served = match &handler.bound {
            Some(bound) => bound(Request::new(self, index, about)).await?,
            None => self.walk(&handler.steps, about).await?,
        };
        if let Some(running) = &mut running {
            running.succeeded = true;
        }
        Ok(served)
    }

    async fn walk(self: &Arc<Self>, steps: &[Vec<Callee>], about: About) -> Result<Served, CallError> {
        let mut degraded = false;
        for step in steps {
            let served = match step.as_slice() {
                [one] => self.step(*one, about).await?,
                several => together(several.iter().map(|callee| self.step(*callee, about)).collect()).await?,
            };
            degraded |= served.degraded;
        }
        Ok(Served { degraded })
    }

    /// When the attempt that begins now is given up.
    pub(crate) fn deadline(&self, per_attempt: Option<Duration>) -> u64 {
        let own = per_attempt.map_or(u64::MAX, |limit| self.clock.now().after(limit).as_nanos());
        own.min(Deadline::current().time().as_nanos())
    }

    pub(crate) fn step(self: &Arc<Self>, callee: Callee, about: About) -> Called<'_> {
        Box::pin(async move {
            match callee {
                Callee::Over(route) => self.send(route, about).await.map_err(CallError::Kind),
                Callee::Inside(handler) => self.call(handler, about).await,
            }
        })
    }

    /// Sends a request and waits for its answer; dropped before that, the caller has left.
    pub(crate) async fn send(self: &Arc<Self>, route: Route, about: About) -> Reply {
        let (reply, answer) = oneshot::channel();
        let message = self.with(|world| world.send(route, about, reply));
        let mut waiting = Waiting { house: self, message, done: false };
        match answer.await {
            Ok(reply) => {
                waiting.done = true;
                reply
            }
            // The message was lost for good: as in any network, nobody says so.
            Err(_) => std::future::pending().await,
        }
    }
}

struct Waiting<'a> {
    house: &'a Arc<House>,
    message: MessageId,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.house.with(|world| world.left(self.message));
        }
    }
}

/// Runs calls side by side until all have ended; the first failure, in the order in which they are written, is the
/// step's.
async fn together(mut calls: Vec<Called<'_>>) -> Result<Served, CallError> {
    let mut results: Vec<Option<Result<Served, CallError>>> = calls.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (call, result) in calls.iter_mut().zip(&mut results) {
            if result.is_none() {
                match call.as_mut().poll(context) {
                    Poll::Ready(done) => *result = Some(done),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let mut degraded = false;
    for result in results.into_iter().flatten() {
        degraded |= result?.degraded;
    }
    Ok(Served { degraded })
}

/// What layers may go by: the key is the user, the address, the idempotency key and the argument `key`.
fn inputs(about: About) -> Inputs {
    Inputs::new().context(Some(inputs_message(about))).argument("key", about.key.to_string())
}

fn key_message(about: About) -> Message {
    let key = about.key.to_string();
    Message::builder().user_id(key.clone()).header(IDEMPOTENCY_KEY, key).build()
}

pub(super) fn inputs_message(about: About) -> Message {
    let key = about.key.to_string();
    let [a, b, c, d, ..] = about.key.to_le_bytes();
    Message::builder()
        .user_id(key.clone())
        .api_key(key.clone())
        .ip(std::net::Ipv4Addr::new(a | 1, b, c, d))
        .header(IDEMPOTENCY_KEY, key.clone())
        .header("X-Client-ID", key)
        .build()
}
