//! Futures that stand aside.
//!
//! The futures of handles are written out: an async function keeps in memory, across awaits that most calls never come to,
//! what need not leave a register. They begin with what is granted in advance; whoever has to wait for more does so aside.

use std::pin::Pin;
use std::task::{Context, Poll};

/// A future on the heap, polled out of line: what few calls come to takes no room, and no time, in the futures of those that
/// find what they want granted in advance.
pub(crate) struct Aside<F>(Pin<Box<F>>);

/// Makes a future aside.
#[cold]
#[inline(never)]
pub(crate) fn aside<F: Future>(make: impl FnOnce() -> F) -> Aside<F> {
    Aside(Box::pin(make()))
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    #[cold]
    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.0.as_mut().poll(context)
    }
}

/// A future that has to wait for an answer.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes such a future.
#[cold]
#[inline(never)]
pub(crate) fn later<'a, F: Future + Send + 'a>(make: impl FnOnce() -> F) -> Later<'a, F::Output> {
    Box::pin(make())
}
