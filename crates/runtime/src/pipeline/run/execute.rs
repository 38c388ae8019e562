//! From a call's first poll to its answer.
//!
//! A call with a fallback has functions of its own beside those of one without. No trait decides between the two: the
//! future of what a trait's function returns is only known as what that trait says of it, and whoever spawns it is then
//! asked to prove, of lifetimes that the compiler has forgotten by then, that its error is the one that the fallback takes.
//! Nor is it an `Option` of a function: the future of a call without a fallback would hold an error that is lent, and only
//! a lent one has to be `Sync`.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use steadfast_actors::event::Happening;
use steadfast_actors::outcome::Ending;
use steadfast_actors::rejection::Rejection;

use super::ahead::{Ahead, Begun};
use super::polled::Came;
use super::told::Told;
use super::waiting::Waiting;
use super::{Failure, Finished, Handler, Running, refuse};
use crate::outcome::Outcome;
use crate::pipeline::call::Call;
use crate::pipeline::inputs::Inputs;
use crate::pipeline::plan::Plan;
use crate::pipeline::site::Site;
use crate::pipeline::spare::Used;
use crate::runtime::Runtime;

/// What is called.
#[derive(Clone, Copy)]
pub(crate) enum Callee<'c> {
    Site(&'static Site),
    Plan(&'c Runtime, &'c Arc<Plan>),
}

/// One call: what can be done in its first passes, and `rest` for what few calls come to. The same code for both sorts of
/// calls, and no function: each argument would be moved once more, of every call.
macro_rules! call {
    ($callee:ident, $outcome:ident, $inputs:ident, $body:ident, |$used:ident, $handler:ident| $rest:expr) => {
        async move {
            let mut place = pin!(None);
            let mut came = Came::Nothing;
            {
                let mut waiting = Waiting::new(place.as_mut());
                poll_fn(|context| {
                    waiting.poll(&$callee, &$outcome, &$inputs, &mut $body, &mut came, context)
                })
                .await;
            }
            let begun = match came {
                // Each by itself: what was written as one of them is not to be read as whichever it is.
                Came::Returned(Ok(value)) => return Ok(value),
                Came::Returned(Err(error)) => return Err(error),
                Came::Left(begun) => begun,
                Came::Nothing | Came::Panicked(_) => unreachable!("a call that is not over has begun"),
            };
            let Begun { used: $used, ahead } = *begun;
            let $handler = Handler::new(&mut $body, place, ahead);
            // Boxed, so that a call that is over by then holds no room for what it does not need.
            Box::pin($rest).await
        }
    };
}

/// Runs one call: `body` makes a future for each attempt, and none when it can't make another. How its results are read is
/// what `outcome` returns, the same each time: made where it is needed, it costs nothing to hand on.
///
/// # Errors
/// What the handler returned, or a refusal.
///
/// # Cancel safety
/// Dropped at any point it gives back everything that it was granted.
#[allow(clippy::manual_async_fn, reason = "it would move each argument once more, of every call")]
pub(crate) fn execute<T, E, B, F>(
    callee: Callee<'_>,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
) -> impl Future<Output = Result<T, E>>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
{
    call!(callee, outcome, inputs, body, |used, handler| interpreted(used, outcome(), inputs, handler))
}

/// The same with what answers where it failed.
#[allow(clippy::manual_async_fn, reason = "it would move each argument once more, of every call")]
pub(crate) fn execute_or<T, E, B, F, G, H>(
    callee: Callee<'_>,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
    fallback: G,
) -> impl Future<Output = Result<T, E>>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    call!(callee, outcome, inputs, body, |used, handler| {
        interpreted_or(used, outcome(), inputs, handler, fallback)
    })
}

/// Runs what is left of a call that has begun.
async fn interpreted<T, E, B, F>(
    used: Used,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    mut handler: Handler<'_, B, F>,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
{
    let (running, told) = Running::begin(&used, outcome, inputs, &handler.ahead)?;
    // Pinned here, because each function that takes a future by value holds room for it twice.
    let mut finished = None;
    {
        let passed = pin!(async {
            finished = Some(match running.let_in(&mut handler.ahead).await {
                Ok(()) => running.once(&mut handler).await,
                Err(refused) => Finished::Refused(refused),
            });
        });
        running.call.around(passed).await;
    }
    running.end(told, finished)
}

/// The same with what answers where it failed.
async fn interpreted_or<T, E, B, F, G, H>(
    used: Used,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    mut handler: Handler<'_, B, F>,
    fallback: G,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    let (running, told) = Running::begin(&used, outcome, inputs, &handler.ahead)?;
    let mut finished = None;
    {
        let passed = pin!(async {
            finished = Some(match running.let_in(&mut handler.ahead).await {
                Ok(()) => running.fallen_back(&mut handler, fallback).await,
                Err(refused) => Finished::Refused(refused),
            });
        });
        running.call.around(passed).await;
    }
    running.end(told, finished)
}

impl<'c, T, E: From<Rejection>> Running<'c, T, E> {
    /// Begins what is left, where it may.
    fn begin<O>(
        call: &'c Arc<Call>,
        outcome: Outcome<T, E>,
        inputs: Inputs,
        ahead: &Ahead<O>,
    ) -> Result<(Self, Option<Told<'c>>), E> {
        let Some(plan) = call.plan() else { unreachable!("a call that is executed is of a plan") };
        if plan.brownout.is_some() {
            // What it hears is how long the call took, so this is when it began.
            let _ = call.entered();
        }
        let told = Told::begin(plan, call).map_err(|rejection| refuse(Some(call), rejection))?;
        if !ahead.is_told {
            call.happened(&plan.site, || Happening::Arrival { call: call.number });
        }
        Ok((Running { plan, outcome, inputs, call, runs: AtomicU32::new(0) }, told))
    }

    /// Passes limiters and authentication, where that was not done ahead.
    async fn let_in<O>(&self, ahead: &mut Ahead<O>) -> Result<(), Box<Rejection>> {
        match ahead.refused.take() {
            Some(refused) => Err(refused),
            None if ahead.entered => Ok(()),
            None => self.entered().await.map_err(Box::new),
        }
    }

    /// Tells whoever wants to hear it how the call ended, and gives its caller the answer.
    fn end(self, told: Option<Told<'c>>, finished: Option<Finished<T, E>>) -> Result<T, E> {
        let Some(finished) = finished else { unreachable!("it was written before its writer ended") };
        let (plan, call) = (self.plan, self.call);
        let (ending, degraded) = (finished.ending(), call.is_degraded());
        if let Some(told) = told {
            told.settle(ending, degraded);
        }
        if let (Some(brownout), Ending::Success | Ending::TimedOut) = (&plan.brownout, ending) {
            brownout.took(call.runtime.clock().now().since(call.entered()));
        }
        call.happened(&plan.site, || Happening::Answer { call: call.number, ending, degraded });
        if ending != Ending::Success {
            call.note_part_failed();
            if call.take_inner_retries_used() {
                // Whether or not this site repeats anything: one further out must not.
                call.note_retries_used();
            }
        }
        match finished {
            Finished::Answer { mut result, .. } => {
                let reduced = plan.degrades && (call.is_anything_down() || call.has_failed_parts());
                if let Ok(value) = &mut result
                    && (reduced || degraded)
                {
                    call.note_degraded();
                    (self.outcome.degrade)(value);
                }
                result
            }
            Finished::Refused(rejection) => Err(refuse(Some(call), *rejection)),
            Finished::Panicked(panic) => std::panic::resume_unwind(panic),
        }
    }
}
