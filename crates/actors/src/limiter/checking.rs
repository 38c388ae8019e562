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

    /// Whoever does not find at once what it wants.
    #[inline(never)]
    fn poll_looked_up(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        let Checking { limiter, key, cost, deadline, .. } = *self;
        if cost == 1
            && let Some((more_at, wait)) = limiter.refused_at_once(key)
        {
            return Poll::Ready(Err(limiter.refused(more_at, wait)));
        }
        match limiter.looked_up(key, cost) {
            Found::Granted(decision, _) => Poll::Ready(Ok(decision)),
            Found::Refused(more_at, wait) => Poll::Ready(Err(limiter.refused(more_at, wait))),
            Found::Ask => {
                self.later = Some(later(|| limiter.spend(key, cost, deadline)));
                self.poll_later(context)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_later(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        match &mut self.later {
            Some(later) => later.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl Future for Checking<'_> {
    type Output = Answer;

    // Out of line the answer would go by memory, which costs more than finding it.
    #[expect(clippy::inline_always, reason = "measured: it is half of what a check costs")]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        if self.later.is_some() {
            return self.poll_later(context);
        }
        if self.cost == 1
            && let Some(decision) = self.limiter.at_once(self.key)
        {
            return Poll::Ready(Ok(decision));
        }
        self.poll_looked_up(context)
    }
}
