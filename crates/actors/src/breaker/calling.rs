//! The future of a call.
//!
//! Written out, since an async function keeps in memory, across awaits that a call in health never comes to, what need not
//! leave a register; and what those calls come to that have to wait for the actor stands aside, on the heap.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::granted::{Found, Granted};
use super::permit::Admission;
use super::{BreakerHandle, CallError};
use crate::clock::Time;
use crate::host::{Later, aside, later};
use crate::outcome::{Ending, Outcome};

/// From when on a call that is dropped counts as failed, where the breaker is not told what slow is: whoever gives up
/// after so long did not do so for a whim.
const SLOW: Duration = Duration::from_secs(5);

/// It is not timed yet. No clock shows it.
const UNTIMED: Time = Time::MAX;

/// A call on its way; dropped there, it says why.
pub(super) struct Running<'a> {
    breaker: &'a BreakerHandle,
    /// What is to be told of, until it is.
    admission: Admission,
    /// When it began to be worth timing: at its first wait, or at once where the breaker wants to know what is slow.
    started: Time,
}

impl<'a> Running<'a> {
    pub(super) fn new(breaker: &'a BreakerHandle, admission: Admission) -> Self {
        Running { breaker, admission, started: started(breaker) }
    }

    /// Who is ready at once needs no clock: nobody asks how long it took.
    pub(super) fn waits(&mut self) {
        if self.started == UNTIMED {
            self.started = self.breaker.hosted().now();
        }
    }

    /// What it came to. From here on it is told by whoever has that.
    pub(super) fn ended(mut self, ending: Ending) -> Outcome {
        self.admission = Admission::Unheard;
        outcome(self.breaker, self.started, ending)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        left(self.breaker, self.admission, self.started);
    }
}

#[inline]
fn started(breaker: &BreakerHandle) -> Time {
    let slow = breaker.config().slow_call_duration();
    slow.map_or(UNTIMED, |slow| breaker.hosted().clock().now_for(slow))
}

fn latency(breaker: &BreakerHandle, started: Time, slow: Duration) -> Duration {
    breaker.hosted().clock().now_for(slow).since(started)
}

#[inline]
fn outcome(breaker: &BreakerHandle, started: Time, ending: Ending) -> Outcome {
    let slow = breaker.config().slow_call_duration();
    Outcome { ending, latency: slow.map_or(Duration::ZERO, |slow| latency(breaker, started, slow)) }
}

/// Tells of a call that was left before it had ended.
#[cold]
fn left(breaker: &BreakerHandle, admission: Admission, started: Time) {
    if admission == Admission::Unheard {
        return;
    }
    let slow = breaker.config().slow_call_duration().unwrap_or(SLOW);
    let latency = latency(breaker, started, slow);
    let ending = if std::thread::panicking() {
        Ending::Panicked
    } else if latency >= slow {
        Ending::TimedOut
    } else {
        Ending::Cancelled
    };
    breaker.settle_later(admission, Outcome { ending, latency });
}

/// What few calls come to.
enum Aside<'a, T, E, A> {
    /// The actor is asked, and the call goes on from there.
    Asked(crate::host::Aside<A>),
    /// The outcome is on its way to the actor; the work returned this.
    Reporting(Later<'a, ()>, Result<T, E>),
}

pin_project! {
    /// A call that passes on what is granted in advance, if it does.
    pub(super) struct Calling<'a, W, F, J, T, E, N, A> {
        breaker: &'a BreakerHandle,
        // The work, and who asks the actor; until it is polled.
        begin: Option<(W, N)>,
        judge: Option<J>,
        #[pin]
        work: Option<F>,
        // What its outcome is told under, until it is.
        granted: Granted,
        started: Time,
        is_aside: bool,
        // Dropped out of line, so that calls that never come to it do not pay for looking.
        aside: ManuallyDrop<Option<Aside<'a, T, E, A>>>,
    }

    impl<W, F, J, T, E, N, A> PinnedDrop for Calling<'_, W, F, J, T, E, N, A> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            if this.is_aside || this.granted != Granted::UNHEARD {
                this.leave();
            }
        }
    }
}

impl<'a, W, F, J, T, E, N, A> Calling<'a, W, F, J, T, E, N, A> {
    #[inline]
    pub(super) fn new(breaker: &'a BreakerHandle, work: W, judge: J, asks: N) -> Self {
        Calling {
            breaker,
            begin: Some((work, asks)),
            judge: Some(judge),
            work: None,
            granted: Granted::UNHEARD,
            started: UNTIMED,
            is_aside: false,
            aside: ManuallyDrop::new(None),
        }
    }

    /// It is dropped before it has ended.
    #[cold]
    #[inline(never)]
    fn leave(self: Pin<&mut Self>) {
        let this = self.project();
        drop(this.aside.take());
        left(this.breaker, (*this.granted).into(), *this.started);
    }
}

impl<'a, W, F, J, T, E, N, A> Calling<'a, W, F, J, T, E, N, A>
where
    W: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Ending,
    N: FnOnce(W, J) -> A,
    A: Future<Output = Result<T, CallError<E>>>,
{
    /// It passes.
    #[inline]
    fn begin(self: Pin<&mut Self>, granted: Granted) {
        let mut this = self.project();
        if let Some((work, _)) = this.begin.take() {
            (*this.granted, *this.started) = (granted, started(this.breaker));
            this.work.set(Some(work()));
        }
    }

    /// A call that finds neither that its breaker is closed nor that it is open.
    #[cold]
    #[inline(never)]
    fn poll_looked_up(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        match self.breaker.looked_up() {
            Found::Granted(granted) => {
                self.as_mut().begin(granted);
                self.poll_work(context)
            }
            Found::Refused(state, left) => {
                Poll::Ready(Err(CallError::Rejected(self.breaker.rejection(state, left))))
            }
            Found::Ask => {
                let this = self.as_mut().project();
                if let (Some((work, asks)), Some(judge)) = (this.begin.take(), this.judge.take()) {
                    **this.aside = Some(Aside::Asked(aside(|| asks(work, judge))));
                    *this.is_aside = true;
                }
                self.poll_aside(context)
            }
        }
    }

    #[inline]
    fn poll_work(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        let mut this = self.as_mut().project();
        let Some(work) = this.work.as_mut().as_pin_mut() else { return self.poll_aside(context) };
        let Poll::Ready(result) = work.poll(context) else {
            self.waits();
            return Poll::Pending;
        };
        let ending = this.judge.take().map_or(Ending::Cancelled, |judge| judge(&result));
        this.work.set(None);
        // What most calls come to: a success that nobody times, and that is only counted.
        if ending == Ending::Success
            && *this.started == UNTIMED
            && let Some(is_due) = this.breaker.count_at_once(*this.granted)
        {
            *this.granted = Granted::UNHEARD;
            if is_due {
                this.breaker.hosted().poke();
            }
            return match result {
                Ok(value) => Poll::Ready(Ok(value)),
                Err(error) => Poll::Ready(Err(CallError::Failed(error))),
            };
        }
        self.poll_ended(result, ending, context)
    }

    /// Who is ready at once needs no clock: nobody asks how long it took.
    #[inline(never)]
    fn waits(self: Pin<&mut Self>) {
        let this = self.project();
        if *this.started == UNTIMED {
            *this.started = this.breaker.hosted().now();
        }
    }

    /// The work is done, and what it came to is to be told.
    #[inline(never)]
    fn poll_ended(
        mut self: Pin<&mut Self>,
        result: Result<T, E>,
        ending: Ending,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, CallError<E>>> {
        let this = self.as_mut().project();
        let breaker = *this.breaker;
        let outcome = outcome(breaker, *this.started, ending);
        let granted = std::mem::replace(this.granted, Granted::UNHEARD);
        if breaker.settle_granted(granted, outcome) {
            return Poll::Ready(result.map_err(CallError::Failed));
        }
        let report = later(|| breaker.report_granted(granted, outcome));
        **this.aside = Some(Aside::Reporting(report, result));
        *this.is_aside = true;
        self.poll_aside(context)
    }

    /// The rest of a call that has to wait for its actor.
    #[cold]
    #[inline(never)]
    fn poll_aside(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        let this = self.project();
        match &mut **this.aside {
            Some(Aside::Asked(asked)) => return Pin::new(asked).poll(context),
            Some(Aside::Reporting(report, _)) => ready!(report.as_mut().poll(context)),
            None => {}
        }
        match this.aside.take() {
            Some(Aside::Reporting(_, result)) => Poll::Ready(result.map_err(CallError::Failed)),
            // Polled again after it was ready, which nobody may.
            Some(Aside::Asked(_)) | None => Poll::Pending,
        }
    }
}

impl<W, F, J, T, E, N, A> Future for Calling<'_, W, F, J, T, E, N, A>
where
    W: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Ending,
    N: FnOnce(W, J) -> A,
    A: Future<Output = Result<T, CallError<E>>>,
{
    type Output = Result<T, CallError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.begin.is_some() {
            match self.breaker.at_once() {
                Found::Granted(granted) => self.as_mut().begin(granted),
                Found::Refused(state, left) => {
                    return Poll::Ready(Err(CallError::Rejected(self.breaker.rejection(state, left))));
                }
                Found::Ask => return self.poll_looked_up(context),
            }
        }
        self.poll_work(context)
    }
}
