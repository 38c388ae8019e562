//! How a handle's future begins: with what is granted in advance, and only else with a future of its own.

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

/// What a handle found when it was first polled.
pub(crate) enum Begun<'a, T> {
    /// An answer.
    Now(T),
    /// It has to be asked for.
    Later(Later<'a, T>),
}

/// A future that begins by looking for an answer that is there already.
///
/// Written out, since an async function keeps, across an await that nobody comes to, what else need not leave a register.
pub(crate) struct AtOnce<'a, T, B> {
    begin: Option<B>,
    later: Option<Later<'a, T>>,
}

/// Looks with `begin`, as soon as the future is polled.
#[inline]
pub(crate) fn at_once<'a, T, B>(begin: B) -> AtOnce<'a, T, B>
where
    B: FnOnce() -> Begun<'a, T> + Unpin,
{
    AtOnce { begin: Some(begin), later: None }
}

impl<'a, T, B> Future for AtOnce<'a, T, B>
where
    B: FnOnce() -> Begun<'a, T> + Unpin,
{
    type Output = T;

    // Through the hands of its caller the answer would go by memory, and that costs more than finding it.
    #[expect(clippy::inline_always, reason = "measured: a call costs half as much")]
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(begin) = self.begin.take() {
            match begin() {
                Begun::Now(answer) => return Poll::Ready(answer),
                Begun::Later(later) => self.later = Some(later),
            }
        }
        match &mut self.later {
            Some(later) => later.as_mut().poll(context),
            // Polled again after it was ready, which nobody may.
            None => Poll::Pending,
        }
    }
}
