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

/// A call that passed, for as long as it is on its way in its first poll. Dropped there, it panicked.
struct Passed<'a> {
    breaker: &'a BreakerHandle,
    granted: Granted,
    started: Time,
}

impl<'a> Passed<'a> {
    #[inline]
    fn new(breaker: &'a BreakerHandle, granted: Granted) -> Self {
        Passed { breaker, granted, started: started(breaker) }
    }

    /// From here on it is told by whoever has that.
    #[inline]
    fn into_parts(self) -> (Granted, Time) {
        let parts = (self.granted, self.started);
        std::mem::forget(self);
        parts
    }
}

impl Drop for Passed<'_> {
    fn drop(&mut self) {
        left(self.breaker, self.granted.into(), self.started);
    }
}

/// What few calls come to.
enum Rest<'a, J, T, E, A> {
    /// It has not come to it, or is over.
    Nothing,
    /// The work waits. What its outcome is told under, since when it is timed, and who judges it.
    Running(Granted, Time, J),
    /// The actor is asked, and the call goes on from there.
    Asked(crate::host::Aside<A>),
    /// The outcome is on its way to the actor; the work returned this.
    Reporting(Later<'a, ()>, Result<T, E>),
    /// It has ended so.
    Ended(Result<T, CallError<E>>),
}

pin_project! {
    /// A call that passes on what is granted in advance, if it does.
    ///
    /// Its first poll holds in registers what it can, and returns so, too: what is returned in memory anywhere on the way
    /// makes of all that is returned something that is put together there and copied.
    pub(super) struct Calling<'a, W, F, J, T, E, N, A> {
        breaker: &'a BreakerHandle,
        // The work, who judges it, and who asks the actor; until it is polled.
        begin: Option<(W, J, N)>,
        #[pin]
        work: Option<F>,
        // Dropped out of line, so that calls that never come to it do not pay for looking.
        rest: ManuallyDrop<Rest<'a, J, T, E, A>>,
    }

    impl<W, F, J, T, E, N, A> PinnedDrop for Calling<'_, W, F, J, T, E, N, A> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            if !matches!(*this.rest, Rest::Nothing) {
                this.leave();
            }
        }
    }
}

impl<'a, W, F, J, T, E, N, A> Calling<'a, W, F, J, T, E, N, A> {
    #[inline]
    pub(super) fn new(breaker: &'a BreakerHandle, work: W, judge: J, asks: N) -> Self {
        let rest = ManuallyDrop::new(Rest::Nothing);
        Calling { breaker, begin: Some((work, judge, asks)), work: None, rest }
    }

    #[inline]
    fn take_rest(self: Pin<&mut Self>) -> Rest<'a, J, T, E, A> {
        std::mem::replace(&mut **self.project().rest, Rest::Nothing)
    }

    /// It is dropped before it has ended.
    #[cold]
    #[inline(never)]
    fn leave(mut self: Pin<&mut Self>) {
        if let Rest::Running(granted, started, _) = self.as_mut().take_rest() {
            left(self.breaker, granted.into(), started);
        }
    }
}

/// Tells what there is to tell of a call that the actor need not hear of at once; else what it is to hear.
#[inline(never)]
fn settle(breaker: &BreakerHandle, granted: Granted, started: Time, ending: Ending) -> Option<Outcome> {
    let outcome = outcome(breaker, started, ending);
    (!breaker.settle_granted(granted, &outcome)).then_some(outcome)
}

impl<'a, W, F, J, T, E, N, A> Calling<'a, W, F, J, T, E, N, A>
where
    W: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Ending,
    N: FnOnce(&'a BreakerHandle, W, J) -> A,
    A: Future<Output = Result<T, CallError<E>>>,
{
    /// It passes, and is polled for the first time. Where it is not over then, the [rest](Calling::poll_rest) goes on.
    // A function of its own would cost a fourth more, and whether it becomes one hangs on what else is compiled with it.
    #[inline(always)]
    fn poll_first(
        mut self: Pin<&mut Self>,
        granted: Granted,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let mut this = self.as_mut().project();
        let Some((work, judge, _)) = this.begin.take() else { return Poll::Pending };
        let passed = Passed::new(this.breaker, granted);
        this.work.set(Some(work()));
        let polled = this.work.as_mut().as_pin_mut().map_or(Poll::Pending, |work| work.poll(context));
        let Poll::Ready(result) = polled else {
            self.waits(passed, judge);
            return Poll::Pending;
        };
        let ending = judge(&result);
        this.work.set(None);
        let (granted, started) = passed.into_parts();
        // What most calls come to: a success that nobody times, and that is only counted.
        if ending == Ending::Success
            && started == UNTIMED
            && let Some(is_due) = this.breaker.count_at_once(granted)
        {
            if is_due {
                this.breaker.hosted().poke();
            }
            return Poll::Ready(result);
        }
        if let Some(outcome) = settle(this.breaker, granted, started, ending) {
            self.reports(granted, outcome, result);
            return Poll::Pending;
        }
        Poll::Ready(result)
    }

    /// Who is ready at once needs no clock: nobody asks how long it took.
    #[cold]
    #[inline(never)]
    fn waits(self: Pin<&mut Self>, passed: Passed<'a>, judge: J) {
        let this = self.project();
        let (granted, started) = passed.into_parts();
        let started = if started == UNTIMED { this.breaker.hosted().now() } else { started };
        **this.rest = Rest::Running(granted, started, judge);
    }

    /// The actor is to hear how it ended.
    #[cold]
    #[inline(never)]
    fn reports(self: Pin<&mut Self>, granted: Granted, outcome: Outcome, result: Result<T, E>) {
        let this = self.project();
        let breaker = *this.breaker;
        **this.rest = Rest::Reporting(later(|| breaker.report_granted(granted, outcome)), result);
    }

    /// A call that finds neither that its breaker is closed nor that it is open.
    fn looks_up(mut self: Pin<&mut Self>, context: &mut Context<'_>) {
        let found = self.breaker.looked_up();
        if let Found::Granted(granted) = found {
            if let Poll::Ready(result) = self.as_mut().poll_first(granted, context) {
                self.ends(result.map_err(CallError::Failed));
            }
            return;
        }
        let this = self.as_mut().project();
        let breaker = *this.breaker;
        let Some((work, judge, asks)) = this.begin.take() else { return };
        **this.rest = match found {
            Found::Refused(state, left) => Rest::Ended(Err(breaker.rejection(state, left).into())),
            _ => Rest::Asked(aside(|| asks(breaker, work, judge))),
        };
    }

    fn ends(self: Pin<&mut Self>, result: Result<T, CallError<E>>) {
        **self.project().rest = Rest::Ended(result);
    }

    /// The work waited, and is polled again.
    fn poll_work(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.as_mut().project();
        let polled = this.work.as_mut().as_pin_mut().map_or(Poll::Pending, |work| work.poll(context));
        let result = ready!(polled);
        let Rest::Running(granted, started, judge) = self.as_mut().take_rest() else { return Poll::Pending };
        let passed = Passed { breaker: self.breaker, granted, started };
        let ending = judge(&result);
        self.as_mut().project().work.set(None);
        let (granted, started) = passed.into_parts();
        match settle(self.breaker, granted, started, ending) {
            None => self.ends(result.map_err(CallError::Failed)),
            Some(outcome) => self.reports(granted, outcome, result),
        }
        Poll::Ready(())
    }

    /// All that is not over with the first poll. Whoever is told that it has ended takes what it came to from the rest.
    #[cold]
    #[inline(never)]
    fn poll_rest(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.begin.is_some() {
            self.as_mut().looks_up(context);
        } else if let Rest::Running(..) = *self.rest {
            ready!(self.as_mut().poll_work(context));
        }
        match &mut **self.as_mut().project().rest {
            Rest::Asked(asked) => {
                let result = ready!(Pin::new(asked).poll(context));
                self.ends(result);
            }
            Rest::Reporting(report, _) => {
                ready!(report.as_mut().poll(context));
                if let Rest::Reporting(_, result) = self.as_mut().take_rest() {
                    self.ends(result.map_err(CallError::Failed));
                }
            }
            Rest::Ended(_) => {}
            // Waiting, or polled again after it was ready, which nobody may.
            Rest::Running(..) | Rest::Nothing => return Poll::Pending,
        }
        Poll::Ready(())
    }
}

impl<'a, W, F, J, T, E, N, A> Future for Calling<'a, W, F, J, T, E, N, A>
where
    W: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&Result<T, E>) -> Ending,
    N: FnOnce(&'a BreakerHandle, W, J) -> A,
    A: Future<Output = Result<T, CallError<E>>>,
{
    type Output = Result<T, CallError<E>>;

    // Out of line the answer would go by memory, which costs more than finding it.
    #[expect(clippy::inline_always, reason = "measured: it is a third of what a call costs")]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.begin.is_some() {
            match self.breaker.at_once() {
                Found::Granted(granted) => match self.as_mut().poll_first(granted, context) {
                    Poll::Ready(Ok(value)) => return Poll::Ready(Ok(value)),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(CallError::Failed(error))),
                    // It waits, for the work or for its actor.
                    Poll::Pending if matches!(*self.rest, Rest::Running(..)) => return Poll::Pending,
                    Poll::Pending => {}
                },
                Found::Refused(state, left) => {
                    return Poll::Ready(Err(CallError::Rejected(self.breaker.rejection(state, left))));
                }
                Found::Ask => {}
            }
        }
        ready!(self.as_mut().poll_rest(context));
        match self.take_rest() {
            Rest::Ended(result) => Poll::Ready(result),
            _ => Poll::Pending,
        }
    }
}
