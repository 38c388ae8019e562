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

use super::Callee;
use super::ahead::{Came, Closed, First, Opened, close, not_opened, open, polled};
use super::attempt::Passes;
use super::ends::{Ends, disarm};
use super::told::Told;
use crate::outcome::Outcome;
use crate::pipeline::advance;
use crate::pipeline::call::Call;
use crate::pipeline::inputs::Inputs;
use crate::pipeline::plan::Plan;

/// A call that passes its layers without a future for any of them, and the place of its handler's.
pub(super) struct Waiting<'p, F> {
    place: Pin<&'p mut Option<F>>,
    /// What it holds; nothing before it began, and once it is over or the interpreter has it.
    opened: Option<Opened>,
    ends: Ends,
}

impl<'p, F> Waiting<'p, F> {
    /// A call that has not begun.
    pub(super) fn new(place: Pin<&'p mut Option<F>>) -> Self {
        Waiting { place, opened: None, ends: Ends::default() }
    }

    /// Goes on as far as it can; ready once it is over, or the interpreter's.
    #[inline]
    pub(super) fn poll<T, E, B>(
        &mut self,
        callee: &Callee<'_>,
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
            disarm(&call.used);
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
            Came::Pending if !self.ends.are_over(&call.used, &mut call.began, context) => {
                return Poll::Pending;
            }
            _ => {}
        }
        first.begun = self.opened.take().map(|left| left.taken_over(came, first.answer.take()));
        Poll::Ready(())
    }
}

impl Opened {
    /// Ends it where its caller has left, or where it panics beside its handler. Of one that has not waited, nothing is
    /// said but that it was cancelled.
    #[cold]
    fn cut_off<F>(self, mut place: Pin<&mut Option<F>>, has_waited: bool) {
        disarm(&self.used);
        let Opened { mut used, began } = self;
        let began = began.filter(|_| has_waited);
        let call = Arc::clone(&used);
        let Some(plan) = call.plan() else { return };
        // An audit trail, which may refuse, has no call that comes here.
        let _told = Told::begin(plan, &call);
        used.inside(|| cut_short(&call, plan, began, || place.set(None)));
    }
}

/// Cuts the handler of what holds all of its gates in advance by `clear`, and tells them so.
pub(super) fn cut_short(call: &Arc<Call>, plan: &Plan, began: Option<Time>, clear: impl FnOnce()) {
    let (whole, attempt) = advance::take_over(call);
    // They go after the handler, the innermost first, also where that panics.
    let _whole = Passes::of(plan, call, whole, began);
    let _attempt = Passes::of(plan, call, attempt, began);
    cut(clear);
}

impl<F> Drop for Waiting<'_, F> {
    #[inline]
    fn drop(&mut self) {
        let Some(opened) = self.opened.take() else { return };
        opened.cut_off(self.place.as_mut(), self.ends.has_waited());
    }
}
