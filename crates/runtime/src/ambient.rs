//! What code runs in without being handed it: the call around it, the runtime that it is scoped to.
//!
//! A thread knows it while it polls what runs inside, and knows nothing of it in between.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread::LocalKey;

/// What code may run in.
pub(crate) trait Surrounding: Sized + 'static {
    /// This thread runs in that from here on.
    #[inline]
    fn note(_here: Option<&Self>) {}
}

/// Where a thread keeps it.
pub(crate) type Ambient<T> = LocalKey<Cell<Option<T>>>;

/// Whether anything lies in `place`.
#[inline]
pub(crate) fn has<T>(place: &Cell<Option<T>>) -> bool {
    let Some(here) = place.take() else { return false };
    place.set(Some(here));
    true
}

/// What `read` finds there; nothing on a thread that ends.
#[inline]
pub(crate) fn peek<T, O>(ambient: &'static Ambient<T>, read: impl FnOnce(&Option<T>) -> O) -> Option<O> {
    let found = ambient.try_with(|place| {
        let here = place.take();
        let found = read(&here);
        // What is replaced is what was just left there: nothing.
        place.set(here);
        found
    });
    found.ok()
}

/// Something that lies where a thread runs in it.
pub(crate) trait Trades<T> {
    /// Runs in what lay in `slot`; what is around it lies there meanwhile.
    fn trade(&self, slot: &mut Option<T>);
}

impl<T: Surrounding> Trades<T> for &Cell<Option<T>> {
    #[inline]
    fn trade(&self, slot: &mut Option<T>) {
        let inside = slot.take();
        T::note(inside.as_ref());
        *slot = self.replace(inside);
    }
}

impl<T: Surrounding> Trades<T> for &'static Ambient<T> {
    #[inline]
    fn trade(&self, slot: &mut Option<T>) {
        // A thread that ends has no place left; what still runs there is inside nothing.
        let _ = self.try_with(|place| (&place).trade(slot));
    }
}

/// While it lives, this thread runs inside what lay in `slot`; what is around it waits there meanwhile.
struct Entered<'s, S: Trades<T>, T> {
    ambient: S,
    slot: &'s mut Option<T>,
}

impl<'s, S: Trades<T>, T> Entered<'s, S, T> {
    #[inline]
    fn new(ambient: S, slot: &'s mut Option<T>) -> Self {
        ambient.trade(slot);
        Entered { ambient, slot }
    }
}

impl<S: Trades<T>, T> Drop for Entered<'_, S, T> {
    #[inline]
    fn drop(&mut self) {
        self.ambient.trade(self.slot);
    }
}

/// Does `work` inside what lies in `slot`, which is there again afterwards.
#[inline]
pub(crate) fn inside<T, O>(ambient: impl Trades<T>, slot: &mut Option<T>, work: impl FnOnce() -> O) -> O {
    let _entered = Entered::new(ambient, slot);
    work()
}

/// Runs `future` inside `value`, its end or its drop included.
pub(crate) async fn around<T: Surrounding, F: Future>(
    ambient: &'static Ambient<T>,
    value: T,
    future: F,
) -> F::Output {
    let mut place = pin!(Some(future));
    Around { ambient, place: place.as_mut(), slot: Some(value) }.await
}

struct Around<'a, T: Surrounding, F> {
    ambient: &'static Ambient<T>,
    place: Pin<&'a mut Option<F>>,
    slot: Option<T>,
}

/// What it holds is only swapped, and never pinned here.
impl<T: Surrounding, F> Unpin for Around<'_, T, F> {}

impl<T: Surrounding, F: Future> Future for Around<'_, T, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Around { ambient, place, slot } = &mut *self;
        let _entered = Entered::new(*ambient, slot);
        match place.as_mut().as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

impl<T: Surrounding, F> Drop for Around<'_, T, F> {
    fn drop(&mut self) {
        let _entered = Entered::new(self.ambient, &mut self.slot);
        self.place.set(None);
    }
}
