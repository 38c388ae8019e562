//! The future of a check.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::gate::Found;
use super::{Decision, LimiterHandle};
use crate::clock::Time;
use crate::host::{Later, later};
use crate::rejection::Rejection;

type Answer = Result<Decision, Rejection>;

/// One request that is to be spent.
pub(super) struct Checking<'a> {
    limiter: &'a LimiterHandle,
    key: &'a str,
    cost: u64,
    deadline: Time,
    /// Where the actor has to be asked.
    later: Option<Later<'a, Answer>>,
}

impl<'a> Checking<'a> {
    #[inline]
    pub(super) fn new(limiter: &'a LimiterHandle, key: &'a str, cost: u64, deadline: Time) -> Self {
        Checking { limiter, key, cost, deadline, later: None }
    }

    /// What the actor says. By a pointer: whatever is returned in memory makes of all that [`poll`](Future::poll) returns
    /// something that is put together there and copied.
    #[cold]
    #[inline(never)]
    fn poll_asked(&mut self, context: &mut Context<'_>) -> Poll<Box<Answer>> {
        let Checking { limiter, key, cost, deadline, .. } = *self;
        let asked = self.later.get_or_insert_with(|| later(|| limiter.spend(key, cost, deadline)));
        asked.as_mut().poll(context).map(Box::new)
    }
}

impl Future for Checking<'_> {
    type Output = Answer;

    // Out of line the answer would go by memory, which costs more than finding it.
    #[expect(clippy::inline_always, reason = "measured: it is half of what a check costs")]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Checking { limiter, key, cost, .. } = *self;
        if self.later.is_none() && !key.is_empty() {
            let looked = limiter.looked_up_key(key, cost);
            if let Some((decision, _)) = limiter.granted_key(looked) {
                return Poll::Ready(Ok(decision));
            }
            if let Some(wait) = limiter.refused_key(looked) {
                return Poll::Ready(Err(limiter.refused(wait)));
            }
        } else if self.later.is_none() {
            if let Some(decision) = limiter.granted_at_once(key, cost) {
                return Poll::Ready(Ok(decision));
            }
            if let Some(wait) = limiter.refused_at_once(key, cost) {
                return Poll::Ready(Err(limiter.refused(wait)));
            }
            match limiter.looked_up(cost) {
                Found::Granted(decision, _) => return Poll::Ready(Ok(decision)),
                Found::Refused(wait) => return Poll::Ready(Err(limiter.refused(wait))),
                Found::Ask => {}
            }
        }
        self.poll_asked(context).map(|answer| *answer)
    }
}
