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
//!
//! It is one function, and no handler's type is part of it: what a call holds stays in registers, and is written to where
//! it waits only if it does. A site whose calls pass nobody (`Plan::is_bare`) has a shorter way through it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use steadfast_actors::clock::Time;
use steadfast_actors::machine::Kind;
use steadfast_actors::outcome::{Ending, Outcome};
use steadfast_actors::rejection::{Rejection, UnavailableReason};

use super::ahead::{NotOpened, Opened, Passed, pass};
use super::ends::Ends;
use super::execute::Callee;
use super::limited::{Entered, limited};
use super::total;
use crate::ambient;
use crate::pipeline::call::Call;
use crate::pipeline::plan::Plan;
use crate::pipeline::scope::Here;
use crate::pipeline::spare::{Spare, Used};
use crate::pipeline::{advance, scope, spare};

/// What is known of a call before it begins.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Whether its errors say what they are.
    pub(super) errors: bool,
    /// Whether nothing of its arguments tells it from another call.
    pub(super) is_like_others: bool,
}

/// What a poll of a call came to.
pub(super) enum Step {
    /// The call is over, a success.
    Over,
    /// It is, and its answer is to be marked.
    Degraded,
    /// It is open still.
    Open,
    NotOpened(Box<NotOpened>),
}

/// Begins a call, passes all that stands before its handler, has `handler` make and poll that, and ends the call where it
/// says that it succeeded.
#[inline]
pub(super) fn first_pass(
    callee: &Callee<'_>,
    known: Known,
    handler: &mut dyn FnMut() -> bool,
    opened: &mut Option<Opened>,
) -> Step {
    let pass = spare::with(|spare| scope::with(|here| passed(spare, here, callee, known, handler, opened)));
    match pass {
        Some(Some(pass)) => pass,
        _ => on_a_thread_that_ends(callee, known, handler, opened),
    }
}

/// Nothing is around it there, and nothing is kept of it.
#[cold]
fn on_a_thread_that_ends(
    callee: &Callee<'_>,
    known: Known,
    handler: &mut dyn FnMut() -> bool,
    opened: &mut Option<Opened>,
) -> Step {
    passed(&Spare::new(), &Here::new(None), callee, known, handler, opened)
}

#[inline(never)]
fn passed(
    spare: &Spare,
    here: &Here,
    callee: &Callee<'_>,
    known: Known,
    handler: &mut dyn FnMut() -> bool,
    opened: &mut Option<Opened>,
) -> Step {
    let found = match *callee {
        Callee::Site(site) => spare.call_of(site),
        Callee::Plan(runtime, plan) => Ok(spare.call_of_plan(runtime, plan)),
    };
    let used = match found {
        Ok(used) => used,
        Err(rejection) => return Step::NotOpened(Box::new(NotOpened::Refused(*rejection))),
    };
    let (mut used, is_like_others) = begin(used, here);
    let began = match opens(&used, known, is_like_others) {
        Ok(began) => began,
        Err(stop) => return Step::NotOpened(stopped(used, *stop)),
    };
    if used.inside_here(here, handler) {
        let step = settled(&used, began);
        if !matches!(step, Step::Open) {
            used.end(spare);
            return step;
        }
    }
    *opened = Some(Opened { used, began, ends: Ends::default() });
    Step::Open
}

/// Begins a call that nobody else holds yet: inside the one around it, with its own time. Says whether it is what every
/// call of the site is.
#[inline]
fn begin(used: Used, here: &Here) -> (Used, bool) {
    let is_inside = ambient::has(here);
    let is_recorded = used.runtime.is_recording();
    if is_inside || is_recorded || !used.is_like_others() {
        return (begin_apart(used, is_recorded), false);
    }
    (used, true)
}

/// The same where it is not what every call of the site is.
#[inline(never)]
fn begin_apart(mut used: Used, is_recorded: bool) -> Used {
    let parent = Call::current();
    let is_numbered = is_recorded || used.plan().is_some_and(|plan| plan.brownout.is_some());
    let number = if is_numbered { used.runtime.number_call() } else { 0 };
    let (total, is_clients) =
        used.plan().map_or((None, false), |plan| total(plan, parent.as_deref(), &used.runtime));
    if let Some(call) = used.alone() {
        (call.number, call.is_recorded) = (number, is_recorded);
        call.begin_inside(parent, total, is_clients);
    }
    used
}

/// Why a call does not open.
enum Stop {
    ShuttingDown,
    Interpreted(Passed),
}

/// Passes all that stands before the handler of `call`; returns when it began, where somebody judges how long it takes.
#[inline]
fn opens(call: &Arc<Call>, known: Known, is_like_others: bool) -> Result<Option<Time>, Box<Stop>> {
    if !call.runtime.may_begin() {
        return Err(Box::new(Stop::ShuttingDown));
    }
    let Some(plan) = call.plan() else { unreachable!("a call that is executed is of a plan") };
    // Looked at first: nobody writes to what all calls of the site share.
    if !known.errors && !plan.errors_are_unknown.load(Ordering::Relaxed) {
        plan.errors_are_unknown.store(true, Ordering::Relaxed);
    }
    if plan.is_bare && known.is_like_others && is_like_others {
        plan.count_first_attempt();
        return Ok(None);
    }
    passes(call, plan, known)
}

#[inline]
fn passes(call: &Arc<Call>, plan: &Plan, known: Known) -> Result<Option<Time>, Box<Stop>> {
    if !plan.goes_ahead || !known.is_like_others || call.is_over() {
        return Err(Box::new(Stop::Interpreted(Passed::default())));
    }
    if plan.metrics.is_some() {
        // What they tell is how long it took, so this is when it began.
        let _ = call.entered();
    }
    if !plan.limits_before.is_empty() {
        match limited(call, &plan.limits_before) {
            Entered::Granted => {}
            Entered::Refused(index, rejection) => return Err(refused(call, plan, index, rejection)),
            Entered::NotYet => return Err(Box::new(Stop::Interpreted(Passed::default()))),
        }
    }
    if call.is_recorded() {
        call.tell_entry(plan, None);
    }
    let mut began = None;
    if pass(call, plan, &mut began) { Ok(began) } else { Err(in_part(call)) }
}

#[cold]
fn refused(call: &Arc<Call>, plan: &Plan, index: usize, rejection: Box<Rejection>) -> Box<Stop> {
    if call.is_recorded() {
        call.tell_entry(plan, Some((index, &rejection)));
    }
    let passed = Passed { is_told: true, refused: Some(rejection), ..Passed::default() };
    Box::new(Stop::Interpreted(passed))
}

#[cold]
fn in_part(call: &Arc<Call>) -> Box<Stop> {
    let (whole, attempt) = advance::take_over(call);
    Box::new(Stop::Interpreted(Passed { is_told: true, entered: true, refused: None, whole, attempt }))
}

#[cold]
fn stopped(used: Used, stop: Stop) -> Box<NotOpened> {
    Box::new(match stop {
        Stop::ShuttingDown => {
            let site = used.plan().map_or("", |plan| plan.site.as_str());
            // The site's breaker or pool could not be asked any more; the refusal names the site.
            let reason = UnavailableReason::ShuttingDown;
            NotOpened::Refused(Rejection::unavailable(Kind::Throttle, site, reason, None))
        }
        Stop::Interpreted(passed) => NotOpened::Interpreted(used, passed),
    })
}

/// Ends a call that was a success after it waited.
pub(super) fn close(opened: &mut Option<Opened>) -> Step {
    let Some(Opened { used, began, .. }) = &*opened else { return Step::Open };
    let step = settled(used, *began);
    if !matches!(step, Step::Open) {
        *opened = None;
    }
    step
}

/// Tells all whom it concerns of a success; the call is open still where a gate has to hear of it otherwise, for that is
/// the interpreter's.
#[inline(always)]
fn settled(call: &Arc<Call>, began: Option<Time>) -> Step {
    let Some(plan) = call.plan() else { return Step::Open };
    let is_recorded = call.is_recorded();
    if !plan.at_once.is_empty() || is_recorded {
        let latency = began.map_or(Duration::ZERO, |began| call.runtime.clock().now().since(began));
        let outcome = Outcome { ending: Ending::Success, latency };
        if !advance::settle(call, 1, plan, &outcome) {
            return Step::Open;
        }
        if is_recorded {
            call.tell_end(plan, outcome);
        }
    }
    let is_degraded = call.is_degraded();
    if let Some(metered) = &plan.metrics {
        let took = call.runtime.clock().now().since(call.entered());
        metered.record(Ending::Success, is_degraded, took);
    }
    if is_degraded { Step::Degraded } else { Step::Over }
}
