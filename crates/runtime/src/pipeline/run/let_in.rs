//! The first attempt of a call that had to ask before it: an idempotency store, a limiter, who its caller is.
//!
//! From there inwards it is as in [`waiting`](super::waiting): all that it passes is had at once, one timer bounds it, and a
//! success ends it. Anything else is left where the layers look for what was done ahead of them, and they go on.
//!
//! # Cancel safety
//! Dropped while it waits, the handler goes first and then what it ran under, and each gate hears what the interpreter's
//! drop would have told it.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use steadfast_actors::clock::Time;
use steadfast_actors::outcome::{Ending, Outcome};
use steadfast_actors::rejection::Rejection;

use super::ahead::{Ahead, pass};
use super::ends::{Ends, disarm};
use super::polled::{Came, Polled, polled};
use super::waiting::cut_short;
use super::{Finished, Handler, Running};
use crate::outcome;
use crate::pipeline::advance;
use crate::pipeline::call::Call;
use crate::pipeline::plan::Plan;

/// Who refers to a call whose layers are interpreted: its owner, and the thread that runs inside it.
const OWN: usize = 2;

impl<T, E: From<Rejection>> Running<'_, T, E> {
    /// The first attempt, where all that it passes is granted in advance; nothing where the layers are to go on with what
    /// was done ahead of them.
    pub(super) async fn first_attempt<B, F>(&self, handler: &mut Handler<'_, B, F>) -> Option<Finished<T, E>>
    where
        B: FnMut() -> Option<F>,
        F: Future<Output = Result<T, E>>,
    {
        if !self.plan.goes_on_ahead || handler.ahead.entered {
            return None;
        }
        let (plan, call) = (self.plan, self.call);
        let mut began = None;
        if !pass(call, plan, &mut began) {
            (handler.ahead.whole, handler.ahead.attempt) = advance::take_over(call);
            return None;
        }
        let mut came = Came::Nothing;
        let mut attempt = LetIn { plan, call, handler, began, ends: Ends::default(), is_over: false };
        attempt.handler.begin();
        poll_fn(|context| attempt.poll(&|| self.outcome, &mut came, context)).await;
        match came {
            Came::Returned(result) => Some(Finished::Answer { result, ending: Ending::Success, cause: None }),
            _ => None,
        }
    }
}

/// An attempt that holds all that it needs.
struct LetIn<'a, 'h, B, F: Future> {
    plan: &'a Plan,
    call: &'a Arc<Call>,
    handler: &'a mut Handler<'h, B, F>,
    /// When it began, where somebody judges how long it takes, or it has waited since.
    began: Option<Time>,
    ends: Ends,
    /// Whether it is over, or left to the layers.
    is_over: bool,
}

impl<B, F: Future> LetIn<'_, '_, B, F> {
    /// Goes on as far as it can; ready once it is over, or the layers' again.
    fn poll<T, E>(
        &mut self,
        outcome: &impl Fn() -> outcome::Outcome<T, E>,
        came: &mut Came<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Poll<()>
    where
        F: Future<Output = Result<T, E>>,
    {
        let is_success = polled(outcome, self.handler.place(), came, context);
        let is_there = self.handler.place().is_some();
        if is_success && self.settle() {
            self.is_over = true;
            self.handler.note_returned();
        } else {
            let is_pending = is_there && matches!(came, Came::Nothing);
            if is_pending && !self.ends.are_over(self.call, &mut self.began, context) {
                return Poll::Pending;
            }
            came.resume_panic_of_others(is_there);
            self.leave(came.taken(is_there));
        }
        if self.ends.has_waited() {
            disarm(self.call);
        }
        Poll::Ready(())
    }

    /// Tells the gates of the success; `false` where one has to hear of it otherwise.
    fn settle(&self) -> bool {
        let latency = self.began.map_or(Duration::ZERO, |began| self.call.runtime.clock().now().since(began));
        let outcome = Outcome { ending: Ending::Success, latency };
        let is_settled = advance::settle(self.call, OWN, self.plan, &outcome);
        if is_settled && self.call.is_recorded() {
            self.call.tell_attempt(self.plan, outcome);
        }
        is_settled
    }

    /// Leaves it to the layers.
    #[cold]
    fn leave(&mut self, polled: Option<Polled<F::Output>>) {
        self.is_over = true;
        let (whole, attempt) = advance::take_over(self.call);
        let ahead = &mut self.handler.ahead;
        *ahead = Ahead { began: self.began, whole, attempt, polled, ..Ahead::nothing() };
    }
}

impl<B, F: Future> Drop for LetIn<'_, '_, B, F> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        disarm(self.call);
        let began = self.began.filter(|_| self.ends.has_waited());
        cut_short(self.call, self.plan, began, || self.handler.cut());
    }
}
