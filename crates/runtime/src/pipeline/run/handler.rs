use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use steadfast_actors::idempotency::Run;

use crate::pipeline::trail::Trail;

/// A handler's body, and the one place in which its attempts run, one after another.
///
/// The layers hand this on by reference. Were each to hold the handler's future itself, every layer would hold room
/// for a copy, and a handler that calls annotated handlers would need many times the stack.
pub(super) struct Handler<'h, B, F> {
    body: &'h mut B,
    place: Pin<&'h mut Option<F>>,
    watch: Option<(&'h Run, &'h Trail)>,
}

impl<'h, B, F> Handler<'h, B, F>
where
    B: FnMut() -> Option<F>,
    F: Future,
{
    pub(super) fn new(body: &'h mut B, place: Pin<&'h mut Option<F>>) -> Self {
        Handler { body, place, watch: None }
    }

    /// The same, with what its attempts do told to an idempotency store's run.
    pub(super) fn watched<'w>(&'w mut self, run: &'w Run, trail: &'w Trail) -> Handler<'w, B, F> {
        Handler { body: &mut *self.body, place: self.place.as_mut(), watch: Some((run, trail)) }
    }

    /// Begins an attempt; `None` where the body cannot make another.
    pub(super) fn attempt(&mut self) -> Option<Attempt<'_, F>> {
        let future = (self.body)()?;
        self.place.set(Some(future));
        let watch = self.watch;
        Some(Attempt { place: self.place.as_mut(), watch, was_polled: false, has_ended: false })
    }
}

/// One attempt. Dropped before it has ended it was cut, by whatever; the handler's future goes with it.
pub(super) struct Attempt<'a, F> {
    place: Pin<&'a mut Option<F>>,
    watch: Option<(&'a Run, &'a Trail)>,
    was_polled: bool,
    has_ended: bool,
}

impl<F: Future> Future for Attempt<'_, F> {
    /// What the handler returned, or its panic.
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.was_polled {
            self.was_polled = true;
            if let Some((run, trail)) = self.watch {
                run.started();
                trail.note_begun();
            }
        }
        let Some(future) = self.place.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        self.has_ended = true;
        if let Some((run, _)) = self.watch {
            match &polled {
                Ok(_) => run.attempt_returned(),
                Err(_) => run.attempt_cut("its handler panicked"),
            }
        }
        Poll::Ready(polled)
    }
}

impl<F> Drop for Attempt<'_, F> {
    fn drop(&mut self) {
        self.place.set(None);
        if let Some((run, _)) = self.watch
            && self.was_polled
            && !self.has_ended
        {
            run.attempt_cut("a timeout or its caller's leaving cut it");
        }
    }
}
