use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use super::permit::Admission;
use super::{BreakerHandle, KeyedInput};
use crate::clock::Time;
use crate::outcome::{Ending, ErrorKind, Outcome};
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

/// From when on a call that is dropped counts as failed, where the breaker is not told what slow is: whoever gives up
/// after so long did not do so for a whim.
const SLOW: Duration = Duration::from_secs(5);

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
    pub async fn call<T, E, F, W>(&self, work: W) -> Result<T, CallError<E>>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
    {
        let judge = |result: &Result<T, E>| match result {
            Ok(_) => Ending::Success,
            Err(_) => Ending::Error(ErrorKind::Unknown),
        };
        self.call_judged(work, judge).await
    }

    /// The same, where `judge` says what a result tells of the dependency: an error that is the caller's own fault is
    /// none of its.
    ///
    /// # Errors
    /// As [`call`](BreakerHandle::call).
    ///
    /// # Cancel safety
    /// As [`call`](BreakerHandle::call).
    pub async fn call_judged<T, E, F, W, J>(&self, work: W, judge: J) -> Result<T, CallError<E>>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&Result<T, E>) -> Ending,
    {
        let admission = match self.granted() {
            Some(granted) => granted?,
            None => self.ask(None).await?.into_admission(),
        };
        let mut running = Running { breaker: self, admission, started: None };
        if self.config().slow_call_duration().is_some() {
            running.start();
        }
        let mut work = pin!(work());
        // Who is ready at once needs no clock: nobody asks how long it took.
        let work = poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() {
                running.start();
            }
            polled
        });
        let result = match admission.lease() {
            None => work.await,
            Some(lease) => match tokio::time::timeout(lease, work).await {
                Ok(result) => result,
                Err(_) => {
                    if let Some(input) = running.told(Ending::TimedOut) {
                        self.hosted().report(input).await;
                    }
                    return Err(Rejection::timed_out(self.name(), lease).into());
                }
            },
        };
        // A success in health has nothing to tell, and makes no future for it.
        if let Some(input) = running.told(judge(&result)) {
            self.hosted().report(input).await;
        }
        result.map_err(CallError::Failed)
    }
}

/// A call on its way; dropped there, it says why.
struct Running<'a> {
    breaker: &'a BreakerHandle,
    admission: Admission,
    /// When it began to be worth timing: at its first wait, or at once where the breaker wants to know what is slow.
    started: Option<Time>,
}

impl Running<'_> {
    #[inline]
    fn start(&mut self) {
        self.started.get_or_insert_with(|| self.breaker.hosted().now());
    }

    fn latency(&self) -> Duration {
        self.started.map_or(Duration::ZERO, |started| self.breaker.hosted().now().since(started))
    }

    /// What has to be told of how it ended, if anything has.
    #[inline]
    fn told(mut self, ending: Ending) -> Option<KeyedInput> {
        let admission = std::mem::replace(&mut self.admission, Admission::Unheard);
        let timed = self.breaker.config().slow_call_duration().is_some();
        let latency = if timed { self.latency() } else { Duration::ZERO };
        self.breaker.told(admission, Outcome { ending, latency })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let admission = std::mem::replace(&mut self.admission, Admission::Unheard);
        if admission == Admission::Unheard {
            return;
        }
        let latency = self.latency();
        let slow = self.breaker.config().slow_call_duration().unwrap_or(SLOW);
        let ending = if std::thread::panicking() {
            Ending::Panicked
        } else if latency >= slow {
            Ending::TimedOut
        } else {
            Ending::Cancelled
        };
        self.breaker.settle_later(admission, Outcome { ending, latency });
    }
}
