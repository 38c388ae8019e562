use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use steadfast_actors::clock::Time;
use tokio::time::{Sleep, sleep_until};

use crate::deadline::timer::Ended;
use crate::pipeline::call::Call;

/// When what waits is over, whatever its handler does: of all that bounds it only the nearest end counts, on one timer.
#[derive(Default)]
pub(super) struct Ends {
    /// When that is, since its handler was pending.
    at: Option<Time>,
    /// What wakes it then, where the runtime has no timers of its own.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Ends {
    /// Whether its handler was ever pending.
    pub(super) fn has_waited(&self) -> bool {
        self.at.is_some()
    }

    /// Whether the time of `call` is over, whose attempt `began` then; where it is not, its task is woken then. Apart, so
    /// that a call that is over at once stays short.
    #[inline(never)]
    pub(super) fn are_over(
        &mut self,
        call: &Call,
        began: &mut Option<Time>,
        context: &mut Context<'_>,
    ) -> bool {
        let is_known = self.at.is_some();
        let ends = *self.at.get_or_insert_with(|| waits(call, began));
        if ends == Time::MAX {
            return false;
        }
        if self.sleep.is_none()
            && let Some(timers) = call.runtime.timers()
        {
            let timer = call.timer.get_or_init(|| timers.timer());
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
        let clock = call.runtime.clock();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(clock.instant(ends))));
        sleep.as_mut().poll(context).is_ready()
    }
}

/// Takes back what would have woken `call`.
#[inline]
pub(super) fn disarm(call: &Call) {
    if let Some(timer) = call.timer.get() {
        timer.disarm();
    }
}

/// Notes that time passes from here on, and says when its time is over.
fn waits(call: &Call, began: &mut Option<Time>) -> Time {
    let Some(plan) = call.plan() else { return Time::MAX };
    let (is_bound, per_attempt) = (call.has_deadline(), plan.fixed_per_attempt());
    if !is_bound && per_attempt.is_none() && plan.at_once.is_empty() {
        return Time::MAX;
    }
    let began = *began.get_or_insert_with(|| call.runtime.clock().now());
    let attempt_ends = per_attempt.map_or(Time::MAX, |limit| began.after(limit));
    if !is_bound {
        return attempt_ends;
    }
    call.entered.note(began);
    attempt_ends.min(call.deadline().time())
}
