//! The first pass through a call: all that can be had at once, and the handler's first poll.
//!
//! ```text
//!   begin -> is everything on the way granted in advance? -- yes --> poll the handler once
//!                 | no                                                 | a success  | anything else
//!                 v                                                    v            v
//!            the interpreter, from the start                       it is over    the interpreter, from there
//! ```
//!
//! A call whose handler is ready at once, and succeeds, passes its layers without a future for any of them. Whatever
//! else happens is the interpreter's: it goes on with what is held by then, and with what the first poll came to, as if
//! it had done all of it itself. So there is one place that says what a layer does about a failure, a wait or a cut.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use smallvec::SmallVec;
use steadfast_actors::clock::Time;
use steadfast_actors::limiter::Granted;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::{Ending, Outcome};
use steadfast_actors::rejection::{Rejection, UnavailableReason};

use super::{Callee, begin, refuse};
use crate::outcome;
use crate::pipeline::advance;
use crate::pipeline::call::Call;
use crate::pipeline::gate::Pass;
use crate::pipeline::inputs::Inputs;
use crate::pipeline::limits::Limit;
use crate::pipeline::spare::{Used, call_of, call_of_plan};

/// What a handler returned, or its panic.
pub(super) type Returned<O> = Result<O, Box<dyn Any + Send>>;

/// The same of one poll.
pub(super) type Polled<O> = Poll<Returned<O>>;

/// Polls a handler.
#[inline]
pub(super) fn polled_once<F: Future>(future: Pin<&mut F>, context: &mut Context<'_>) -> Polled<F::Output> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

/// A call that the interpreter takes over, with what was done ahead of it. Boxed, for most calls are over by then.
pub(super) struct Begun<O> {
    pub(super) used: Used,
    pub(super) ahead: Ahead<O>,
}

/// What was done ahead of the interpreter, until that takes it over.
pub(super) struct Ahead<O> {
    /// Whether the limiters let it in.
    pub(super) entered: bool,
    /// The limiter's refusal that did not.
    pub(super) refused: Option<Box<Rejection>>,
    /// When the call's gates were passed, where one of them judges how long it takes.
    pub(super) began: Option<Time>,
    /// The first gates of the whole call.
    pub(super) whole: Vec<Pass>,
    /// The first gates of the first attempt.
    pub(super) attempt: Vec<Pass>,
    /// What the first attempt came to at its first poll.
    pub(super) polled: Option<Polled<O>>,
}

impl<O> Ahead<O> {
    /// Nothing.
    pub(super) const fn nothing() -> Self {
        Ahead {
            entered: false,
            refused: None,
            began: None,
            whole: Vec::new(),
            attempt: Vec::new(),
            polled: None,
        }
    }
}

/// What the handler's first poll came to, as the first pass sees it.
enum Came<T, E> {
    Success(Result<T, E>),
    Else(Polled<Result<T, E>>),
    /// There is nothing to poll.
    Nothing,
}

/// What the call came to; where it is not over, nothing, and `begun` holds what goes on.
pub(super) fn first_pass<T, E, B, F>(
    callee: Callee<'_>,
    outcome: &outcome::Outcome<T, E>,
    inputs: &Inputs,
    body: &mut B,
    place: Pin<&mut Option<F>>,
    begun: &mut Option<Box<Begun<Result<T, E>>>>,
    context: &mut Context<'_>,
) -> Option<Result<T, E>>
where
    E: From<Rejection>,
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
{
    let found = match callee {
        Callee::Site(site) => call_of(site),
        Callee::Plan(runtime, plan) => Ok(call_of_plan(runtime, plan)),
    };
    let mut used = match found {
        Ok(used) => used,
        Err(rejection) => return Some(Err(refuse(Call::current().as_deref(), rejection))),
    };
    begin(&mut used);
    if !used.begin() {
        return Some(Err(shutting_down(&used)));
    }
    let Some(plan) = used.plan() else { unreachable!("a call that is executed is of a plan") };
    // Looked at first: nobody writes to what all calls of the site share.
    if !outcome.says_what_it_is && !plan.errors_are_unknown.load(Ordering::Relaxed) {
        plan.errors_are_unknown.store(true, Ordering::Relaxed);
    }
    let entered =
        if plan.goes_ahead && inputs.are_the_same_for_all() && !used.is_recorded() && !used.is_over() {
            limited(&used, &plan.limits_before)
        } else {
            Entered::NotYet
        };
    match entered {
        Entered::Granted => {}
        Entered::Refused(rejection) => {
            *begun =
                Some(Box::new(Begun { used, ahead: Ahead { refused: Some(rejection), ..Ahead::nothing() } }));
            return None;
        }
        Entered::NotYet => {
            *begun = Some(Box::new(Begun { used, ahead: Ahead::nothing() }));
            return None;
        }
    }
    if !plan.at_once.is_empty() && !advance::take(&used, plan) {
        *begun = Some(taken_over(used, None, None));
        return None;
    }
    if let Some(budget) = plan.budget() {
        budget.first_attempt();
    }
    let began = plan.judges_time.then(|| used.runtime.clock().now());
    let polled = match used.inside(|| polled(outcome, body, place, context)) {
        Came::Success(mut result) => {
            if has_settled(&used, began) {
                if let Ok(value) = &mut result
                    && used.is_degraded()
                {
                    (outcome.degrade)(value);
                }
                return Some(result);
            }
            Some(Poll::Ready(Ok(result)))
        }
        Came::Else(polled) => Some(polled),
        Came::Nothing => None,
    };
    *begun = Some(taken_over(used, began, polled));
    None
}

#[cold]
fn shutting_down<E: From<Rejection>>(call: &Call) -> E {
    // The site's breaker or pool could not be asked any more; the refusal names the site.
    let site = call.plan().map_or("", |plan| plan.site.as_str());
    let rejection = Rejection::unavailable(Kind::Throttle, site, UnavailableReason::ShuttingDown, None);
    refuse(call.parent().map(AsRef::as_ref), rejection)
}

/// Hands all that is held over to the interpreter.
#[inline(never)]
fn taken_over<O>(used: Used, began: Option<Time>, polled: Option<Polled<O>>) -> Box<Begun<O>> {
    let (whole, attempt) = advance::take_over(&used);
    let ahead = Ahead { entered: true, refused: None, began, whole, attempt, polled };
    Box::new(Begun { used, ahead })
}

/// What limiters said in advance.
enum Entered {
    Granted,
    Refused(Box<Rejection>),
    /// One has to be asked: all are, from the start.
    NotYet,
}

/// Spends one request of each limiter, out of what they granted in advance.
#[inline]
fn limited(call: &Call, limits: &[Limit]) -> Entered {
    match limits {
        [] => Entered::Granted,
        // There is nothing to give back.
        [only] => match asked(call, only) {
            Some(Ok(_)) => Entered::Granted,
            Some(Err(rejection)) => Entered::Refused(Box::new(rejection)),
            None => Entered::NotYet,
        },
        several => limited_by_several(call, several),
    }
}

#[inline(never)]
fn limited_by_several(call: &Call, limits: &[Limit]) -> Entered {
    let mut held: SmallVec<[Granted; 2]> = SmallVec::new();
    for limit in limits {
        let stopped = match asked(call, limit) {
            Some(Ok(granted)) => {
                held.push(granted);
                continue;
            }
            Some(Err(rejection)) => Entered::Refused(Box::new(rejection)),
            None => Entered::NotYet,
        };
        for (limit, granted) in limits.iter().zip(held) {
            limit.handle.give_back_granted("", granted);
        }
        return stopped;
    }
    Entered::Granted
}

/// What one limiter has granted or refused in advance.
#[inline]
fn asked(call: &Call, limit: &Limit) -> Option<Result<Granted, Rejection>> {
    let answer = limit.handle.try_granted("", 1);
    if call.parent().is_some()
        && let Some(answer) = &answer
        && let Some(decision) =
            answer.as_ref().map_or_else(Rejection::decision, |granted| Some(granted.decision()))
    {
        call.note_limit(limit.handle.name(), decision);
    }
    answer
}

/// Tells the gates of the success.
#[inline]
fn has_settled(used: &Used, began: Option<Time>) -> bool {
    let Some(plan) = used.plan().filter(|plan| !plan.at_once.is_empty()) else { return true };
    let latency = began.map_or(Duration::ZERO, |began| used.runtime.clock().now().since(began));
    advance::settle(used, plan, Outcome { ending: Ending::Success, latency })
}

/// Makes the handler's future where it stays, and polls it once.
#[inline]
fn polled<T, E, B, F>(
    outcome: &outcome::Outcome<T, E>,
    body: &mut B,
    mut place: Pin<&mut Option<F>>,
    context: &mut Context<'_>,
) -> Came<T, E>
where
    B: FnMut() -> Option<F>,
    F: Future<Output = Result<T, E>>,
{
    place.set(body());
    let Some(future) = place.as_mut().as_pin_mut() else { return Came::Nothing };
    match polled_once(future, context) {
        Poll::Ready(Ok(result)) if result.is_ok() && outcome.ending(&result, None) == Ending::Success => {
            place.set(None);
            Came::Success(result)
        }
        polled => Came::Else(polled),
    }
}
