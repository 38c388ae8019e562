//! Which call this code runs in.

use std::cell::Cell;
use std::sync::Arc;

use super::call::Call;
use crate::ambient::{self, Surrounding};

thread_local! {
    static CURRENT: Here = const { Cell::new(None) };
}

impl Surrounding for Arc<Call> {}

/// Where a thread keeps which call its code runs in.
pub(super) type Here = Cell<Option<Arc<Call>>>;

/// Does `work` with that of this thread; one that ends has none any more.
#[inline]
pub(super) fn with<O>(work: impl FnOnce(&Here) -> O) -> Option<O> {
    CURRENT.try_with(work).ok()
}

/// The innermost call that this code runs in.
#[inline]
pub(super) fn current() -> Option<Arc<Call>> {
    ambient::peek(&CURRENT, Clone::clone).flatten()
}

/// Does `work` inside the call that lies in `slot`, which is there again afterwards.
#[inline]
pub(super) fn inside<T>(slot: &mut Option<Arc<Call>>, work: impl FnOnce() -> T) -> T {
    ambient::inside(&CURRENT, slot, work)
}

/// Runs `future` inside `call`, its end or its drop included.
pub(super) fn around<F: Future>(call: Arc<Call>, future: F) -> impl Future<Output = F::Output> {
    ambient::around(&CURRENT, call, future)
}
