//! What polling a handler comes to. A handler that panics takes nothing down but its attempt.

use std::any::Any;
use std::mem::{forget, replace};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ahead::Begun;
use crate::outcome::Outcome;

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

/// What was made of a call so far. In a place of its own, for what is handed on by value is copied.
pub(super) enum Came<O> {
    /// Its handler is pending, or there is none.
    Nothing,
    Returned(O),
    Panicked(Box<dyn Any + Send>),
    /// It is the interpreter's. Boxed, for most calls are over by then.
    Left(Box<Begun<O>>),
}

impl<O> Came<O> {
    /// What the interpreter's first poll of a handler comes to that came to this; `is_there` where there is a handler.
    pub(super) fn taken(&mut self, is_there: bool) -> Option<Polled<O>> {
        match replace(self, Came::Nothing) {
            Came::Nothing => is_there.then_some(Poll::Pending),
            Came::Returned(returned) => Some(Poll::Ready(Ok(returned))),
            Came::Panicked(panic) => Some(Poll::Ready(Err(panic))),
            Came::Left(_) => None,
        }
    }

    /// Lets a panic go on that was not the handler's own: of who makes it, or who drops it after it has answered. Then
    /// there is no handler.
    pub(super) fn resume_panic_of_others(&mut self, is_there: bool) {
        if is_there || !matches!(self, Came::Panicked(_)) {
            return;
        }
        if let Came::Panicked(panic) = replace(self, Came::Nothing) {
            resume_unwind(panic);
        }
    }
}

/// Has `future` make a handler, and polls it where it stays; `true` where it was a success.
#[inline]
pub(super) fn made_and_polled<T, E, F>(
    outcome: &impl Fn() -> Outcome<T, E>,
    mut place: Pin<&mut Option<F>>,
    future: impl FnOnce() -> Option<F>,
    came: &mut Came<Result<T, E>>,
    context: &mut Context<'_>,
) -> bool
where
    F: Future<Output = Result<T, E>>,
{
    caught(came, |came| {
        place.set(future());
        polled_uncaught(outcome, place.as_mut(), came, context)
    })
}

/// Polls the handler's future where it stays; `true` where it was a success.
#[inline]
pub(super) fn polled<T, E, F>(
    outcome: &impl Fn() -> Outcome<T, E>,
    place: Pin<&mut Option<F>>,
    came: &mut Came<Result<T, E>>,
    context: &mut Context<'_>,
) -> bool
where
    F: Future<Output = Result<T, E>>,
{
    caught(came, |came| polled_uncaught(outcome, place, came, context))
}

#[inline]
fn caught<O>(came: &mut Came<O>, poll: impl FnOnce(&mut Came<O>) -> bool) -> bool {
    match catch_unwind(AssertUnwindSafe(|| poll(&mut *came))) {
        Ok(is_success) => is_success,
        Err(panic) => {
            *came = Came::Panicked(panic);
            false
        }
    }
}

#[inline]
fn polled_uncaught<T, E, F>(
    outcome: &impl Fn() -> Outcome<T, E>,
    mut place: Pin<&mut Option<F>>,
    came: &mut Came<Result<T, E>>,
    context: &mut Context<'_>,
) -> bool
where
    F: Future<Output = Result<T, E>>,
{
    let Some(future) = place.as_mut().as_pin_mut() else { return false };
    match future.poll(context) {
        // There is nothing before it that would have to be dropped, which is much code where it is not known.
        Poll::Ready(result) => forget(replace(came, Came::Returned(result))),
        Poll::Pending => return false,
    }
    let is_success = matches!(came, Came::Returned(Ok(value)) if outcome().is_success(value));
    if is_success {
        place.set(None);
    }
    is_success
}
