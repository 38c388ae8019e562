//! A call that holds all that it needs, while its handler waits.
//!
//! What it holds stays what the first pass made of it, words of its gates, and of all that bounds it only the nearest
//! end counts, on one timer. A success ends it as the first pass would have. Anything else goes to the interpreter, with
//! when the call and its attempt began: what is over there is over, what had so long to run still has it.
//!
//! # Cancel safety
//! Dropped while it waits, the handler goes first and then what it ran under, and each gate hears what the interpreter's
//! drop would have told it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use steadfast_actors::bulkhead::cut;
use steadfast_actors::clock::Time;
use steadfast_actors::rejection::Rejection;
use tokio::time::{Sleep, sleep_until};

use super::Callee;
use super::ahead::{Came, Closed, First, Opened, close, not_opened, open, polled};
use super::attempt::Passes;
use super::told::Told;
use crate::deadline::timer::Ended;
use crate::outcome::Outcome;
use crate::pipeline::advance;
use crate::pipeline::inputs::Inputs;

/// A call that passes its layers without a future for any of them, and the place of its handler's.
pub(super) struct Waiting<'p, F> {
    place: Pin<&'p mut Option<F>>,
    /// What it holds; nothing before it began, and once it is over or the interpreter has it.
    opened: Option<Opened>,
    /// When it ends unless its handler does, since that was pending.
    ends: Option<Time>,
    /// What wakes it then, where the runtime has no timers of its own.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<'p, F> Waiting<'p, F> {
    /// A call that has not begun.
    pub(super) fn new(place: Pin<&'p mut Option<F>>) -> Self {
        Waiting { place, opened: None, ends: None, sleep: None }
    }

    /// Goes on as far as it can; ready once it is over, or the interpreter's.
    #[inline]
    pub(super) fn poll<T, E, B>(
        &mut self,
        callee: Callee<'_>,
        outcome: &Outcome<T, E>,
        inputs: &Inputs,
        body: &mut B,
        first: &mut First<T, E>,
        context: &mut Context<'_>,
    ) -> Poll<()>
    where
        E: From<Rejection>,
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let begins = self.opened.is_none();
        if begins
            && let Err(why) =
                open(callee, outcome.says_what_it_is, inputs.are_the_same_for_all(), &mut self.opened)
        {
            not_opened(*why, first);
            return Poll::Ready(());
        }
        let Some(call) = &mut self.opened else {
            unreachable!("it is open where nothing is said against it")
        };
        let (place, answer) = (&mut self.place, &mut first.answer);
        let came = call.used.inside(|| {
            if begins {
                place.set(body());
            }
            polled(outcome, place.as_mut(), answer, context)
        });
        if !begins && !matches!(came, Came::Pending) {
            call.disarm();
        }
        match came {
            Came::Success => match close(&mut self.opened) {
                Closed::Over => return Poll::Ready(()),
                Closed::Degraded => {
                    if let Some(Ok(value)) = &mut first.answer {
                        (outcome.degrade)(value);
                    }
                    return Poll::Ready(());
                }
                Closed::Not => {}
            },
            Came::Pending if !self.is_over(context) => return Poll::Pending,
            _ => {}
        }
        first.begun = self.opened.take().map(|left| left.taken_over(came, first.answer.take()));
        Poll::Ready(())
    }

    /// Whether its time is over; where it is not, its task is woken then. Apart, so that a call that is over at once
    /// stays short.
    #[inline(never)]
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let Some(opened) = &mut self.opened else { return false };
        let is_known = self.ends.is_some();
        let ends = *self.ends.get_or_insert_with(|| opened.waits());
        if ends == Time::MAX {
            return false;
        }
        if self.sleep.is_none()
            && let Some(timers) = opened.used.runtime.timers()
        {
            let timer = opened.used.timer.get_or_init(|| timers.timer());
            if !is_known {
                timer.arm(ends, context);
                return false;
            }
            match timer.poll(context) {
                Poll::Pending => return false,
                Poll::Ready(Ended::InTime) => {
                    timer.disarm();
                    return true;
                }
                Poll::Ready(Ended::Undriven) => {}
            }
        }
        let clock = opened.used.runtime.clock();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(clock.instant(ends))));
        sleep.as_mut().poll(context).is_ready()
    }
}

impl Opened {
    /// Takes back what would have woken it.
    #[inline]
    fn disarm(&self) {
        if let Some(timer) = self.used.timer.get() {
            timer.disarm();
        }
    }

    /// Notes that time passes from here on, and says when its time is over.
    fn waits(&mut self) -> Time {
        let Opened { used, began } = self;
        let Some(plan) = used.plan() else { return Time::MAX };
        let (is_bound, per_attempt) = (used.has_deadline(), plan.fixed_per_attempt());
        if !is_bound && per_attempt.is_none() && plan.at_once.is_empty() {
            return Time::MAX;
        }
        let began = *began.get_or_insert_with(|| used.runtime.clock().now());
        let attempt_ends = per_attempt.map_or(Time::MAX, |limit| began.after(limit));
        if !is_bound {
            return attempt_ends;
        }
        used.entered.note(began);
        attempt_ends.min(used.deadline().time())
    }

    /// Ends it where its caller has left, or where it panics beside its handler. Of one that has not waited, nothing is
    /// said but that it was cancelled.
    #[cold]
    fn cut_short<F>(self, mut place: Pin<&mut Option<F>>, has_waited: bool) {
        self.disarm();
        let Opened { mut used, began } = self;
        let began = began.filter(|_| has_waited);
        let call = Arc::clone(&used);
        let Some(plan) = call.plan() else { return };
        // An audit trail, which may refuse, has no call that comes here.
        let _told = Told::begin(plan, &call);
        let (whole, attempt) = advance::take_over(&call);
        used.inside(|| {
            // They go after the handler, the innermost first, also where that panics.
            let _whole = Passes::of(plan, &call, whole, began);
            let _attempt = Passes::of(plan, &call, attempt, began);
            cut(|| place.set(None));
        });
    }
}

impl<F> Drop for Waiting<'_, F> {
    #[inline]
    fn drop(&mut self) {
        let Some(opened) = self.opened.take() else { return };
        opened.cut_short(self.place.as_mut(), self.ends.is_some());
    }
}
