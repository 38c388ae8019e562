//! Which call this code runs in.
//!
//! A thread knows it while it polls what runs inside the call, and knows nothing of it in between.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::call::Call;

thread_local! {
    static CURRENT: Cell<Option<Arc<Call>>> = const { Cell::new(None) };
}

/// The innermost call that this code runs in.
#[inline]
pub(super) fn current() -> Option<Arc<Call>> {
    let current = CURRENT.try_with(|current| {
        let here = current.take();
        let copy = here.clone();
        // What is replaced is what was just left there: nothing.
        current.set(here);
        copy
    });
    current.ok().flatten()
}

/// While it lives, this thread runs inside the call that lay in `slot`; the call around it waits there meanwhile.
struct Entered<'s> {
    slot: &'s mut Option<Arc<Call>>,
}

impl<'s> Entered<'s> {
    #[inline]
    fn new(slot: &'s mut Option<Arc<Call>>) -> Self {
        swap(slot);
        Entered { slot }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.slot);
    }
}

#[inline]
fn swap(slot: &mut Option<Arc<Call>>) {
    // A thread that ends has no place left; what still runs there is in no call.
    let _ = CURRENT.try_with(|current| *slot = current.replace(slot.take()));
}

/// Does `work` inside the call that lies in `slot`, which is there again afterwards.
#[inline]
pub(super) fn inside<T>(slot: &mut Option<Arc<Call>>, work: impl FnOnce() -> T) -> T {
    let _entered = Entered::new(slot);
    work()
}

/// Runs `future` inside `call`, its end or its drop included.
pub(super) async fn around<F: Future>(call: Arc<Call>, future: F) -> F::Output {
    let mut place = pin!(Some(future));
    Around { place: place.as_mut(), call: Some(call) }.await
}

struct Around<'a, F> {
    place: Pin<&'a mut Option<F>>,
    call: Option<Arc<Call>>,
}

impl<F: Future> Future for Around<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Around { place, call } = &mut *self;
        let _entered = Entered::new(call);
        match place.as_mut().as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Around<'_, F> {
    fn drop(&mut self) {
        let _entered = Entered::new(&mut self.call);
        self.place.set(None);
    }
}
