//! The future of a permit.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Acquire, BulkheadHandle, BulkheadPermit, Priority};
use crate::host::{Later, later};
use crate::rejection::Rejection;

type Answer = Result<BulkheadPermit, Rejection>;

/// One permit that is to be taken.
pub(super) struct Acquiring<'a> {
    pool: &'a BulkheadHandle,
    priority: Priority,
    /// Where the actor has to be asked.
    later: Option<Later<'a, Answer>>,
}

impl<'a> Acquiring<'a> {
    #[inline]
    pub(super) fn new(pool: &'a BulkheadHandle, priority: Priority) -> Self {
        Acquiring { pool, priority, later: None }
    }

    /// The actor has to be asked. By a pointer: whatever is returned in memory makes of all that
    /// [`poll`](Future::poll) returns something that is put together there and copied.
    #[cold]
    #[inline(never)]
    fn poll_later(&mut self, context: &mut Context<'_>) -> Poll<Box<Answer>> {
        let Acquiring { pool, priority, .. } = *self;
        let ask = || later(|| pool.acquire_or_ask(Acquire::one(priority)));
        self.later.get_or_insert_with(ask).as_mut().poll(context).map(Box::new)
    }
}

impl Future for Acquiring<'_> {
    type Output = Answer;

    // Out of line the permit would go by memory, which costs more than taking it.
    #[expect(clippy::inline_always, reason = "measured: it is a third of what a permit costs")]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Acquiring { pool, priority, .. } = *self;
        if self.later.is_none() {
            if let Some(permit) = pool.at_once(1) {
                return Poll::Ready(Ok(permit));
            }
            if let Some(rejection) = pool.refused(priority) {
                return Poll::Ready(Err(rejection));
            }
        }
        self.poll_later(context).map(|answer| *answer)
    }
}
