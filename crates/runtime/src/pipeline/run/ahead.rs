//! The first pass through a call: all that can be had at once, and the handler.
//!
//! ```text
//!   begin -> is everything on the way granted in advance? -- yes --> poll the handler <----------------+
//!                 | no                                                 |           |                   | woken
//!                 v                                          a success |           | pending           |
//!            the interpreter, from the start                           |           +-> in time? --> wait
//!                                                                      v                  | no
//!                                                                 it is over              v
//!                                            a failure, a panic ----------------> the interpreter, from there
//! ```
//!
//! A call whose handler succeeds, at once or after it waited, passes its layers without a future for any of them.
//! Whatever else happens is the interpreter's: it goes on with what is held by then, and with what the handler's last
//! poll came to, as if it had done all of it itself. So there is one place that says what a layer does about a failure,
//! a refusal or a cut. How a call waits is [`waiting`](super::waiting)'s.

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
use crate::pipeline::limits::Limit;
use crate::pipeline::plan::Plan;
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

/// What the first pass came to: an answer, or a call that goes on. In a place of its own, so that neither is handed on by
/// value.
pub(super) struct First<T, E> {
    pub(super) answer: Option<Result<T, E>>,
    pub(super) begun: Option<Box<Begun<Result<T, E>>>>,
}

/// A call that the interpreter takes over, with what was done ahead of it. Boxed, for most calls are over by then.
pub(super) struct Begun<O> {
    pub(super) used: Used,
    pub(super) ahead: Ahead<O>,
}

/// What was done ahead of the interpreter, until that takes it over.
pub(super) struct Ahead<O> {
    /// Whether what was done is on record, its arrival included.
    pub(super) is_told: bool,
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
            is_told: false,
            entered: false,
            refused: None,
            began: None,
            whole: Vec::new(),
            attempt: Vec::new(),
            polled: None,
        }
    }
}

/// A call that holds all that it needs, and whose handler may be polled. Generic code sees no more of it than this.
pub(super) struct Opened {
    pub(super) used: Used,
    /// When its gates were passed, where one of them judges how long it takes, or it has waited since.
    pub(super) began: Option<Time>,
}

/// Why a call is not open.
pub(super) enum NotOpened {
    /// There is no plan, or the runtime shuts down.
    Refused(Rejection),
    /// It is for the interpreter, from there.
    Interpreted(Used, Passed),
}

/// What a call has passed before its first attempt.
#[derive(Default)]
pub(super) struct Passed {
    is_told: bool,
    entered: bool,
    refused: Option<Box<Rejection>>,
    whole: Vec<Pass>,
    attempt: Vec<Pass>,
}

/// What a poll of the handler came to; what it returned lies in its place.
pub(super) enum Came {
    Success,
    Returned,
    Pending,
    Panicked(Box<dyn Any + Send>),
    /// There is nothing to poll.
    Nothing,
}

#[cold]
pub(super) fn not_opened<T, E: From<Rejection>>(why: NotOpened, first: &mut First<T, E>) {
    match why {
        NotOpened::Refused(rejection) => {
            first.answer = Some(Err(refuse(Call::current().as_deref(), rejection)));
        }
        NotOpened::Interpreted(used, passed) => {
            let Passed { is_told, entered, refused, whole, attempt } = passed;
            let ahead = Ahead { is_told, entered, refused, whole, attempt, began: None, polled: None };
            first.begun = Some(Box::new(Begun { used, ahead }));
        }
    }
}

/// Begins a call, and passes all that stands before its handler.
///
/// Written to its place and not handed on by value: what was written in parts and is read as a whole right away holds a
/// processor up for as long as half of all this takes.
pub(super) fn open(
    callee: &Callee<'_>,
    errors_are_known: bool,
    is_like_others: bool,
    opened: &mut Option<Opened>,
) -> Result<(), Box<NotOpened>> {
    let found = match *callee {
        Callee::Site(site) => call_of(site),
        Callee::Plan(runtime, plan) => Ok(call_of_plan(runtime, plan)),
    };
    let used = found.map_err(|rejection| Box::new(NotOpened::Refused(*rejection)))?;
    let Opened { used, began } = opened.insert(Opened { used, began: None });
    begin(used);
    let Some(plan) = used.plan() else { unreachable!("a call that is executed is of a plan") };
    if !used.may_begin() {
        // The site's breaker or pool could not be asked any more; the refusal names the site.
        let reason = UnavailableReason::ShuttingDown;
        let rejection = Rejection::unavailable(Kind::Throttle, plan.site.as_str(), reason, None);
        return Err(Box::new(NotOpened::Refused(rejection)));
    }
    // Looked at first: nobody writes to what all calls of the site share.
    if !errors_are_known && !plan.errors_are_unknown.load(Ordering::Relaxed) {
        plan.errors_are_unknown.store(true, Ordering::Relaxed);
    }
    if !plan.goes_ahead || !is_like_others || used.is_over() {
        return Err(interpreted(opened, Passed::default()));
    }
    if plan.metrics.is_some() {
        // What they tell is how long it took, so this is when it began.
        let _ = used.entered();
    }
    if !plan.limits_before.is_empty() {
        match limited(used, &plan.limits_before) {
            Entered::Granted => {}
            Entered::Refused(index, rejection) => {
                if used.is_recorded() {
                    used.tell_entry(plan, Some((index, &rejection)));
                }
                let refused = Some(rejection);
                return Err(interpreted(opened, Passed { is_told: true, refused, ..Passed::default() }));
            }
            Entered::NotYet => return Err(interpreted(opened, Passed::default())),
        }
    }
    if used.is_recorded() {
        used.tell_entry(plan, None);
    }
    if !pass(used, plan, began) {
        let (whole, attempt) = advance::take_over(used);
        return Err(interpreted(
            opened,
            Passed { is_told: true, entered: true, refused: None, whole, attempt },
        ));
    }
    Ok(())
}

/// Passes all gates that stand before a first attempt; `false` where one of them has to be asked. Says when the attempt
/// began, where somebody judges how long it takes.
#[inline]
pub(super) fn pass(call: &Call, plan: &Plan, began: &mut Option<Time>) -> bool {
    let has_passed = plan.at_once.is_empty() || advance::take(call, plan);
    let is_recorded = call.is_recorded();
    if is_recorded {
        call.tell_gates(plan, call.in_advance.count());
    }
    if !has_passed {
        return false;
    }
    if let Some(budget) = plan.budget() {
        budget.first_attempt();
    }
    if plan.judges_time || is_recorded {
        *began = Some(call.runtime.clock().now());
    }
    true
}

#[cold]
fn interpreted(opened: &mut Option<Opened>, passed: Passed) -> Box<NotOpened> {
    let Some(Opened { used, .. }) = opened.take() else { unreachable!("it was just put there") };
    Box::new(NotOpened::Interpreted(used, passed))
}

/// Whether a call that was a success is over.
pub(super) enum Closed {
    Over,
    /// It is, and its answer is to be marked.
    Degraded,
    /// A gate has to hear of it otherwise: that is the interpreter's.
    Not,
}

/// Ends a call that was a success.
#[inline]
pub(super) fn close(opened: &mut Option<Opened>) -> Closed {
    let Some(Opened { used, began }) = &*opened else { return Closed::Not };
    let Some(plan) = used.plan() else { return Closed::Not };
    let is_recorded = used.is_recorded();
    if !plan.at_once.is_empty() || is_recorded {
        let latency = match began {
            Some(began) => used.runtime.clock().now().since(*began),
            None => Duration::ZERO,
        };
        let outcome = Outcome { ending: Ending::Success, latency };
        if !advance::settle(used, 1, plan, &outcome) {
            return Closed::Not;
        }
        if is_recorded {
            used.tell_end(plan, outcome);
        }
    }
    let is_degraded = used.is_degraded();
    if let Some(metered) = &plan.metrics {
        let took = used.runtime.clock().now().since(used.entered());
        metered.record(Ending::Success, is_degraded, took);
    }
    *opened = None;
    if is_degraded { Closed::Degraded } else { Closed::Over }
}

impl Opened {
    /// Hands all that is held over to the interpreter.
    #[cold]
    pub(super) fn taken_over<O>(self, came: Came, returned: Option<O>) -> Box<Begun<O>> {
        let Opened { used, began } = self;
        let (whole, attempt) = advance::take_over(&used);
        let polled = ready_made(came, returned);
        Box::new(Begun {
            used,
            ahead: Ahead { is_told: true, entered: true, refused: None, began, whole, attempt, polled },
        })
    }
}

/// What an attempt comes to at its first poll by the interpreter, after it came to that.
pub(super) fn ready_made<O>(came: Came, returned: Option<O>) -> Option<Polled<O>> {
    match came {
        Came::Success | Came::Returned => returned.map(|returned| Poll::Ready(Ok(returned))),
        Came::Pending => Some(Poll::Pending),
        Came::Panicked(panic) => Some(Poll::Ready(Err(panic))),
        Came::Nothing => None,
    }
}

/// Polls the handler's future where it stays.
#[inline]
pub(super) fn polled<T, E, F>(
    outcome: &outcome::Outcome<T, E>,
    mut place: Pin<&mut Option<F>>,
    answer: &mut Option<Result<T, E>>,
    context: &mut Context<'_>,
) -> Came
where
    F: Future<Output = Result<T, E>>,
{
    let Some(future) = place.as_mut().as_pin_mut() else { return Came::Nothing };
    // Written in there: what is handed out of it would be copied once more.
    let is_ready = catch_unwind(AssertUnwindSafe(|| match future.poll(context) {
        Poll::Ready(result) => {
            *answer = Some(result);
            true
        }
        Poll::Pending => false,
    }));
    match is_ready {
        Ok(true) => {}
        Ok(false) => return Came::Pending,
        Err(panic) => return Came::Panicked(panic),
    }
    match answer {
        Some(result) if result.is_ok() && outcome.ending(result, None) == Ending::Success => {
            place.set(None);
            Came::Success
        }
        _ => Came::Returned,
    }
}

/// What limiters said in advance.
enum Entered {
    Granted,
    /// The one of that place did not.
    Refused(usize, Box<Rejection>),
    /// One has to be asked: all are, from the start.
    NotYet,
}

/// Spends one request of each limiter, out of what they granted in advance.
#[inline]
fn limited(call: &Call, limits: &[Limit]) -> Entered {
    match limits {
        [] => Entered::Granted,
        // Nobody around it wants to know how the limiter stands.
        [only] if call.parent().is_none() && only.handle.spent_at_once() => Entered::Granted,
        // There is nothing to give back.
        [only] => limited_by_one(call, only),
        several => limited_by_several(call, several),
    }
}

#[inline(never)]
fn limited_by_one(call: &Call, limit: &Limit) -> Entered {
    match asked(call, limit) {
        Some(Ok(_)) => Entered::Granted,
        Some(Err(rejection)) => Entered::Refused(0, Box::new(rejection)),
        None => Entered::NotYet,
    }
}

#[inline(never)]
fn limited_by_several(call: &Call, limits: &[Limit]) -> Entered {
    let mut held: SmallVec<[Granted; 2]> = SmallVec::new();
    for (index, limit) in limits.iter().enumerate() {
        let stopped = match asked(call, limit) {
            Some(Ok(granted)) => {
                held.push(granted);
                continue;
            }
            Some(Err(rejection)) => Entered::Refused(index, Box::new(rejection)),
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
