use std::borrow::Cow;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use steadfast_actors::declare::Fallback;
use steadfast_actors::outcome::{Ending, ErrorKind};
use steadfast_actors::rejection::{Rejection, RejectionKind};

use super::finished::Cause;
use super::{Finished, Handler, Running};
use crate::pipeline::call::Call;

/// Why a fallback runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure<E> {
    /// What sort of failure it was.
    pub kind: ErrorKind,
    /// The refusal of ours, if it was one.
    pub rejection: Option<Rejection>,
    /// The handler's last error, if it ran and returned one.
    pub error: Option<E>,
}

/// Whether a fallback that names no kinds runs on this ending: on what the caller could not help.
fn runs_by_default(ending: Ending) -> bool {
    match ending {
        Ending::Panicked | Ending::TimedOut => true,
        Ending::Rejected(kind) => matches!(
            kind,
            RejectionKind::Open
                | RejectionKind::Full
                | RejectionKind::Preempted
                | RejectionKind::Shed
                | RejectionKind::Timeout
                | RejectionKind::Unavailable
        ),
        Ending::Error(kind) => matches!(
            kind,
            ErrorKind::Timeout
                | ErrorKind::ConnectionError
                | ErrorKind::RateLimit
                | ErrorKind::ServerError
                | ErrorKind::Unavailable
                | ErrorKind::Unknown
        ),
        Ending::Success | Ending::Cancelled => false,
    }
}

fn runs_on(fallback: &Fallback, ending: Ending) -> bool {
    let Some(kinds) = &fallback.on else { return runs_by_default(ending) };
    let rejection = match ending {
        Ending::Rejected(kind) => Some(kind),
        Ending::TimedOut => Some(RejectionKind::Timeout),
        _ => None,
    };
    ending.error_kind().is_some_and(|error| kinds.iter().any(|kind| kind.means(error, rejection)))
}

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// The call, answered by its fallback where it failed in a way that the fallback is for.
    pub(super) async fn fallen_back<B, F, G, H>(
        &self,
        handler: &mut Handler<'_, B, F>,
        fallback: G,
    ) -> Finished<T, E>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
        G: FnOnce(Arc<Failure<E>>) -> H,
        H: Future<Output = Result<T, E>>,
    {
        let finished = self.once(handler).await;
        let ending = finished.ending();
        let Some(declared) = &self.plan.fallback else { return finished };
        if !runs_on(declared, ending) {
            return finished;
        }
        let kind = ending.error_kind().unwrap_or(ErrorKind::Unknown);
        let (failure, original) = split(finished, kind);
        let failure = Arc::new(failure);
        let answered = self.answered(declared, fallback, Arc::clone(&failure)).await;
        match answered {
            Ok(value) => {
                self.call.note_degraded();
                Finished::Answer { result: Ok(value), ending: Ending::Success, cause: None }
            }
            Err(why) => {
                tracing::warn!(site = self.plan.site, failure = %kind, why = &*why, "the fallback failed too");
                original.joined(failure, why)
            }
        }
    }

    /// The fallback's answer, or why there is none.
    async fn answered<G, H>(
        &self,
        declared: &Fallback,
        fallback: G,
        failure: Arc<Failure<E>>,
    ) -> Result<T, Cow<'static, str>>
    where
        G: FnOnce(Arc<Failure<E>>) -> H,
        H: Future<Output = Result<T, E>>,
    {
        let call = Call::beside(self.call, declared.timeout);
        let clock = self.call.runtime.clock();
        let _ = call.entered();
        if call.is_over() {
            return Err("no time was left for it".into());
        }
        let mut future = pin!(fallback(failure));
        let caught =
            poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(Ok(value))) => Poll::Ready(Ok(value)),
                Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(self.words_of(&error).into())),
                Err(_) => Poll::Ready(Err("it panicked".into())),
            });
        let until = clock.instant(call.deadline().time());
        let timed = tokio::time::timeout_at(until, call.around(caught));
        timed.await.unwrap_or(Err("it took too long".into()))
    }

    /// What can be said of an error whose type need not be readable.
    fn words_of(&self, error: &E) -> String {
        let judged = (self.outcome.judge)(error);
        let words = judged.rejection.map(|rejection| rejection.to_string()).or(judged.text);
        format!("it returned {}", words.unwrap_or_else(|| format!("an error of the kind {}", judged.kind)))
    }
}

/// What is left of a failure while its fallback holds the error: enough to put it together again.
enum Original<T> {
    Value(T, Ending),
    Error { ending: Ending, retry_after: Option<std::time::Duration> },
    Refused,
    Panicked(Box<dyn std::any::Any + Send>),
}

fn split<T, E>(finished: Finished<T, E>, kind: ErrorKind) -> (Failure<E>, Original<T>) {
    let failure = |rejection, error| Failure { kind, rejection, error };
    match finished {
        Finished::Answer { result: Ok(value), ending, .. } => {
            (failure(None, None), Original::Value(value, ending))
        }
        Finished::Answer { result: Err(error), ending, cause } => {
            let (retry_after, rejection) =
                cause.map_or((None, None), |cause| (cause.retry_after, cause.rejection));
            (failure(rejection, Some(error)), Original::Error { ending, retry_after })
        }
        Finished::Refused(rejection) => (failure(Some(*rejection), None), Original::Refused),
        Finished::Panicked(panic) => (failure(None, None), Original::Panicked(panic)),
    }
}

impl<T> Original<T> {
    fn joined<E: From<Rejection>>(self, failure: Arc<Failure<E>>, why: Cow<'static, str>) -> Finished<T, E> {
        // The fallback's future is gone, and with it every other hold on the failure, unless it was given away.
        let (error, rejection) = match Arc::try_unwrap(failure) {
            Ok(failure) => (failure.error, failure.rejection),
            Err(kept) => (None, kept.rejection.clone()),
        };
        let lost = || Rejection::misconfigured("fallback", "it kept the failure that it was lent");
        match self {
            Original::Value(value, ending) => Finished::Answer { result: Ok(value), ending, cause: None },
            Original::Error { ending, retry_after } => {
                let result = Err(error.unwrap_or_else(|| E::from(rejection.clone().unwrap_or_else(lost))));
                Finished::Answer { result, ending, cause: Some(Box::new(Cause { retry_after, rejection })) }
            }
            Original::Refused => Finished::refused(rejection.unwrap_or_else(lost).with_failed_fallback(why)),
            Original::Panicked(panic) => Finished::Panicked(panic),
        }
    }
}
