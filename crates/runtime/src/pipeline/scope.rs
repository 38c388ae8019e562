//! Which call this code runs in.

use std::cell::Cell;
use std::sync::Arc;

use super::call::Call;
use crate::ambient;

thread_local! {
    static CURRENT: Cell<Option<Arc<Call>>> = const { Cell::new(None) };
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
