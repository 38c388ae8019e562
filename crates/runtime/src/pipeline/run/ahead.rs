//! What is done ahead of the interpreter, by [`first`](super::first) and [`waiting`](super::waiting), and how the interpreter
//! takes it over.

use steadfast_actors::clock::Time;
use steadfast_actors::rejection::Rejection;

use super::ends::Ends;
use super::polled::{Came, Polled};
use super::refuse;
use crate::pipeline::advance;
use crate::pipeline::call::Call;
use crate::pipeline::gate::Pass;
use crate::pipeline::plan::Plan;
use crate::pipeline::spare::Used;

/// A call that the interpreter takes over, with what was done ahead of it.
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

/// A call that holds all that it needs, while its handler is pending.
pub(super) struct Opened {
    pub(super) used: Used,
    /// When its gates were passed, where one of them judges how long it takes, or it has waited since.
    pub(super) began: Option<Time>,
    pub(super) ends: Ends,
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
    pub(super) is_told: bool,
    pub(super) entered: bool,
    pub(super) refused: Option<Box<Rejection>>,
    pub(super) whole: Vec<Pass>,
    pub(super) attempt: Vec<Pass>,
}

#[cold]
pub(super) fn not_opened<T, E: From<Rejection>>(why: NotOpened) -> Came<Result<T, E>> {
    match why {
        NotOpened::Refused(rejection) => Came::Returned(Err(refuse(Call::current().as_deref(), rejection))),
        NotOpened::Interpreted(used, passed) => {
            let Passed { is_told, entered, refused, whole, attempt } = passed;
            let ahead = Ahead { is_told, entered, refused, whole, attempt, began: None, polled: None };
            Came::Left(Box::new(Begun { used, ahead }))
        }
    }
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
    plan.count_first_attempt();
    if plan.judges_time || is_recorded {
        *began = Some(call.runtime.clock().now());
    }
    true
}

impl Opened {
    /// Hands all that is held over to the interpreter, with what the handler's last poll came to.
    #[cold]
    pub(super) fn taken_over<O>(self, polled: Option<Polled<O>>) -> Box<Begun<O>> {
        let Opened { used, began, .. } = self;
        let (whole, attempt) = advance::take_over(&used);
        Box::new(Begun {
            used,
            ahead: Ahead { is_told: true, entered: true, refused: None, began, whole, attempt, polled },
        })
    }
}
