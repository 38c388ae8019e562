use std::future::poll_fn;
use std::pin::pin;

use super::BreakerHandle;
use super::calling::{Calling, Running};
use crate::outcome::{Ending, ErrorKind};
use crate::rejection::Rejection;

/// What a call through a breaker came to where it did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError<E> {
    /// The breaker refused, so nothing was called; or it cut a probe that took too long.
    Rejected(Rejection),
    /// What the work itself returned.
    Failed(E),
}

impl<E: From<Rejection>> CallError<E> {
    /// Both as the work's own error.
    #[must_use]
    pub fn into_error(self) -> E {
        match self {
            CallError::Rejected(rejection) => rejection.into(),
            CallError::Failed(error) => error,
        }
    }
}

impl<E> From<Rejection> for CallError<E> {
    fn from(rejection: Rejection) -> Self {
        CallError::Rejected(rejection)
    }
}

impl<E: std::fmt::Display> std::fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Rejected(rejection) => rejection.fmt(f),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Rejected(rejection) => rejection.source(),
            CallError::Failed(error) => error.source(),
        }
    }
}

impl BreakerHandle {
    /// Calls `work` if the breaker lets it pass, and reports how it ended. Every error counts against the dependency.
    ///
    /// ```no_run
    /// # use steadfast_actors::breaker::{BreakerHandle, CallError};
    /// # async fn read() -> Result<u64, std::io::Error> { Ok(1) }
    /// # async fn stock(breaker: BreakerHandle) -> Result<u64, std::io::Error> {
    /// breaker.call(|| read()).await.map_err(CallError::into_error)
    /// # }
    /// ```
    ///
    /// # Errors
    /// The refusal of the breaker, or what `work` returned.
    ///
    /// # Cancel safety
    /// Dropped while the work runs, it counts as cancelled; as failed where it ran for `slow_call_duration` (5 s where
    /// that is not set), or where a panic drops it.
    #[inline]
    pub fn call<T, E, F, W>(&self, work: W) -> impl Future<Output = Result<T, CallError<E>>>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.call_judged(work, |result| match result {
            Ok(_) => Ending::Success,
            Err(_) => Ending::Error(ErrorKind::Unknown),
        })
    }

    /// The same, where `judge` says what a result tells of the dependency: an error that is the caller's own fault is
    /// none of its.
    ///
    /// # Errors
    /// As [`call`](BreakerHandle::call).
    ///
    /// # Cancel safety
    /// As [`call`](BreakerHandle::call).
    #[inline]
    pub fn call_judged<T, E, F, W, J>(
        &self,
        work: W,
        judge: J,
    ) -> impl Future<Output = Result<T, CallError<E>>>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&Result<T, E>) -> Ending,
    {
        Calling::new(self, work, judge, Self::call_asked)
    }

    /// A call that the actor is asked about.
    async fn call_asked<T, E, F, W, J>(&self, work: W, judge: J) -> Result<T, CallError<E>>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&Result<T, E>) -> Ending,
    {
        let admission = self.ask(None).await?.into_admission();
        let mut running = Running::new(self, admission);
        let mut work = pin!(work());
        let work = poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() {
                running.waits();
            }
            polled
        });
        let result = match admission.lease() {
            None => Ok(work.await),
            Some(lease) => tokio::time::timeout(lease, work).await.map_err(|_| lease),
        };
        let outcome = running.ended(result.as_ref().map_or(Ending::TimedOut, judge));
        if let Some(input) = self.told(admission, outcome) {
            self.hosted().report(input).await;
        }
        match result {
            Ok(result) => result.map_err(CallError::Failed),
            Err(lease) => Err(Rejection::timed_out(self.hosted().name_kept(), lease).into()),
        }
    }
}
