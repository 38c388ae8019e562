//! A call that holds all that it needs, while its handler waits.
//!
//! What it holds stays what the first pass made of it, words of its gates, and of all that bounds it only the nearest
//! end counts, on one timer. A success ends it as the first pass would have. Anything else goes to the interpreter, with
//! when the call and its attempt began: what is over there is over, what had so long to run still has it.
//!
//! # Cancel safety
//! Dropped while it waits, the handler goes first and then what it ran under, and each gate hears what the interpreter's
//! drop would have told it.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use steadfast_actors::bulkhead::cut;
use steadfast_actors::clock::Time;
use steadfast_actors::rejection::Rejection;

use super::ahead::{Opened, not_opened};
use super::attempt::Passes;
use super::ends::disarm;
use super::execute::Callee;
use super::first::{Known, Step, close, first_pass};
use super::polled::{Came, made_and_polled, polled};
use super::told::Told;
use crate::outcome::Outcome;
use crate::pipeline::advance;
use crate::pipeline::call::Call;
use crate::pipeline::inputs::Inputs;
use crate::pipeline::plan::Plan;

/// A call that passes its layers without a future for any of them, and the place of its handler's.
pub(super) struct Waiting<'p, F> {
    place: Pin<&'p mut Option<F>>,
    /// What it holds; nothing before it began, and once it is over or the interpreter has it. Dropped by the drop below.
    opened: ManuallyDrop<Option<Opened>>,
}

impl<'p, F> Waiting<'p, F> {
    /// A call that has not begun.
    pub(super) fn new(place: Pin<&'p mut Option<F>>) -> Self {
        Waiting { place, opened: ManuallyDrop::new(None) }
    }

    /// Goes on as far as it can; ready once it is over, or the interpreter's.
    #[inline]
    pub(super) fn poll<T, E, B>(
        &mut self,
        callee: &Callee<'_>,
        outcome: &impl Fn() -> Outcome<T, E>,
        inputs: &Inputs,
        body: &mut B,
        came: &mut Came<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Poll<()>
    where
        E: From<Rejection>,
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        let step = if self.opened.is_some() {
            self.polled_again(outcome, came, context)
        } else {
            let known =
                Known { errors: outcome().says_what_it_is, is_like_others: inputs.are_the_same_for_all() };
            let place = &mut self.place;
            let mut handler = || made_and_polled(outcome, place.as_mut(), &mut *body, came, context);
            first_pass(callee, known, &mut handler, &mut self.opened)
        };
        if matches!(step, Step::Over) {
            return Poll::Ready(());
        }
        self.goes_on(step, outcome, came, context)
    }

    /// The handler of a call that waits, once it was woken.
    #[inline(never)]
    fn polled_again<T, E>(
        &mut self,
        outcome: &impl Fn() -> Outcome<T, E>,
        came: &mut Came<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Step
    where
        F: Future<Output = Result<T, E>>,
    {
        let Some(call) = self.opened.as_mut() else { return Step::Open };
        let place = &mut self.place;
        let is_success = call.used.inside(|| polled(outcome, place.as_mut(), came, context));
        if !(matches!(came, Came::Nothing)) {
            disarm(&call.used);
        }
        if is_success { close(&mut self.opened) } else { Step::Open }
    }

    /// What becomes of a call that is not just over: it waits, or it is the interpreter's.
    #[inline(never)]
    fn goes_on<T, E>(
        &mut self,
        step: Step,
        outcome: &impl Fn() -> Outcome<T, E>,
        came: &mut Came<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Poll<()>
    where
        E: From<Rejection>,
        F: Future<Output = Result<T, E>>,
    {
        match step {
            Step::Over => return Poll::Ready(()),
            Step::Degraded => {
                if let Came::Returned(Ok(value)) = came {
                    (outcome().degrade)(value);
                }
                return Poll::Ready(());
            }
            Step::NotOpened(why) => {
                *came = not_opened(*why);
                return Poll::Ready(());
            }
            Step::Open => {}
        }
        let is_there = self.place.is_some();
        if is_there
            && matches!(came, Came::Nothing)
            && let Some(Opened { used, began, ends }) = self.opened.as_mut()
            && !ends.are_over(used, began, context)
        {
            return Poll::Pending;
        }
        came.resume_panic_of_others(is_there);
        let polled = came.taken(is_there);
        if let Some(opened) = self.opened.take() {
            *came = Came::Left(opened.taken_over(polled));
        }
        Poll::Ready(())
    }

    #[cold]
    #[inline(never)]
    fn cut_off(&mut self) {
        if let Some(opened) = self.opened.take() {
            opened.cut_off(self.place.as_mut());
        }
    }
}

impl Opened {
    /// Ends it where its caller has left, or where it panics beside its handler. Of one that has not waited, nothing is
    /// said but that it was cancelled.
    fn cut_off<F>(self, mut place: Pin<&mut Option<F>>) {
        disarm(&self.used);
        let Opened { mut used, began, ends } = self;
        let began = began.filter(|_| ends.has_waited());
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
        if self.opened.is_some() {
            self.cut_off();
        }
    }
}
