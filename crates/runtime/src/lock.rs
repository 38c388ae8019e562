use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what no panic can leave half written: every holder changes it in one step.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
