use std::pin::Pin;
use std::task::{Context, Poll, ready};

use steadfast_actors::idempotency::Run;

use super::ahead::Ahead;
use super::polled::{Polled, Returned, polled_once};
use crate::pipeline::trail::Trail;

/// Why the outcome of an attempt is unknown that was dropped.
const CUT: &str = "a timeout or its caller's leaving cut it";

/// A handler's body, and the one place in which its attempts run, one after another.
///
/// The layers hand this on by reference. Were each to hold the handler's future itself, every layer would hold room
/// for a copy, and a handler that calls annotated handlers would need many times the stack.
pub(super) struct Handler<'h, B, F: Future> {
    body: &'h mut B,
    place: Pin<&'h mut Option<F>>,
    watch: Option<(&'h Run, &'h Trail)>,
    /// What was done before the layers came to it.
    pub(super) ahead: Ahead<F::Output>,
}

impl<'h, B, F> Handler<'h, B, F>
where
    B: FnMut() -> Option<F>,
    F: Future,
{
    pub(super) fn new(body: &'h mut B, place: Pin<&'h mut Option<F>>, ahead: Ahead<F::Output>) -> Self {
        Handler { body, place, watch: None, ahead }
    }

    /// Whether the first attempt has begun, and its layer has not come to it yet.
    pub(super) fn was_polled(&self) -> bool {
        self.ahead.polled.is_some()
    }

    /// The same, with what its attempts do told to an idempotency store's run.
    pub(super) fn watched<'w>(&'w mut self, run: &'w Run, trail: &'w Trail) -> Handler<'w, B, F> {
        let ahead = std::mem::replace(&mut self.ahead, Ahead::nothing());
        Handler { body: &mut *self.body, place: self.place.as_mut(), watch: Some((run, trail)), ahead }
    }

    /// Begins the first attempt, in its place, without a layer around it.
    pub(super) fn begin(&mut self) {
        let future = (self.body)();
        self.place.set(future);
        if let Some((run, trail)) = self.watch {
            run.started();
            trail.note_begun();
        }
    }

    /// Begins an attempt; `None` where the body cannot make another.
    pub(super) fn attempt(&mut self) -> Option<Attempt<'_, F>> {
        let came = self.ahead.polled.take();
        if came.is_none() {
            let future = (self.body)()?;
            self.place.set(Some(future));
        }
        let (place, watch) = (Place::Lent(self.place.as_mut()), self.watch);
        Some(Attempt { place, watch, came, was_polled: false, has_ended: false })
    }

    /// The same in a place of its own, for one that runs beside another.
    pub(super) fn attempt_beside(&mut self) -> Option<Attempt<'h, F>> {
        let place = Place::Own(Some(Box::pin((self.body)()?)));
        Some(Attempt { place, watch: self.watch, came: None, was_polled: false, has_ended: false })
    }
}

/// What is done with its first attempt where that has no layer around it.
impl<B, F: Future> Handler<'_, B, F> {
    /// Where it runs.
    pub(super) fn place(&mut self) -> Pin<&mut Option<F>> {
        self.place.as_mut()
    }

    /// It has returned.
    pub(super) fn note_returned(&self) {
        if let Some((run, _)) = self.watch {
            run.attempt_returned();
        }
    }

    /// Cuts it.
    pub(super) fn cut(&mut self) {
        self.place.set(None);
        if let Some((run, _)) = self.watch {
            run.attempt_cut(CUT);
        }
    }
}

/// Where an attempt's future lies.
enum Place<'a, F> {
    Lent(Pin<&'a mut Option<F>>),
    Own(Option<Pin<Box<F>>>),
}

impl<F> Place<'_, F> {
    fn future(&mut self) -> Option<Pin<&mut F>> {
        match self {
            Place::Lent(place) => place.as_mut().as_pin_mut(),
            Place::Own(place) => place.as_mut().map(Pin::as_mut),
        }
    }

    fn clear(&mut self) {
        match self {
            Place::Lent(place) => place.set(None),
            Place::Own(place) => *place = None,
        }
    }
}

/// One attempt. Dropped before it has ended it was cut, by whatever; the handler's future goes with it.
pub(super) struct Attempt<'a, F: Future> {
    place: Place<'a, F>,
    watch: Option<(&'a Run, &'a Trail)>,
    /// What it came to where it was polled ahead of this: that is what the first poll here comes to.
    came: Option<Polled<F::Output>>,
    was_polled: bool,
    has_ended: bool,
}

/// What it came to is only kept, and never pinned here.
impl<F: Future> Unpin for Attempt<'_, F> {}

impl<F: Future> Future for Attempt<'_, F> {
    /// What the handler returned, or its panic.
    type Output = Returned<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.was_polled {
            self.was_polled = true;
            if let Some((run, trail)) = self.watch {
                run.started();
                trail.note_begun();
            }
        }
        let polled = match self.came.take() {
            Some(came) => came,
            None => match self.place.future() {
                Some(future) => polled_once(future, context),
                None => Poll::Pending,
            },
        };
        let polled = ready!(polled);
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

impl<F: Future> Drop for Attempt<'_, F> {
    fn drop(&mut self) {
        let is_cut = self.was_polled && !self.has_ended;
        if is_cut {
            steadfast_actors::bulkhead::cut(|| self.place.clear());
        } else {
            self.place.clear();
        }
        if let Some((run, _)) = self.watch
            && is_cut
        {
            run.attempt_cut(CUT);
        }
    }
}
