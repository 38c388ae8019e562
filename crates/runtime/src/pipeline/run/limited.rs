//! What limiters have granted or refused in advance.

use smallvec::SmallVec;
use steadfast_actors::limiter::Granted;
use steadfast_actors::rejection::Rejection;

use crate::pipeline::call::Call;
use crate::pipeline::limits::Limit;

/// What limiters said in advance.
pub(super) enum Entered {
    Granted,
    /// The one of that place did not.
    Refused(usize, Box<Rejection>),
    /// One has to be asked: all are, from the start.
    NotYet,
}

/// Spends one request of each limiter, out of what they granted in advance.
#[inline]
pub(super) fn limited(call: &Call, limits: &[Limit]) -> Entered {
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
