use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A key whose messages make the machine panic, for drills and for the simulator.
#[derive(Debug, Default)]
pub(super) struct Drill {
    on: AtomicBool,
    key: Mutex<Option<String>>,
}

impl Drill {
    pub(super) fn set(&self, key: Option<&str>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = key.map(str::to_owned);
        self.on.store(key.is_some(), Ordering::Release);
    }

    /// Panics where `key` is the one of the drill.
    #[expect(clippy::panic, reason = "a crash on purpose is what was asked for")]
    pub(super) fn strike(&self, key: Option<&str>) {
        if !self.on.load(Ordering::Acquire) {
            return;
        }
        let poisoned = {
            let drilled = self.key.lock().unwrap_or_else(PoisonError::into_inner);
            key.is_some() && drilled.as_deref() == key
        };
        if poisoned {
            panic!("crashed on purpose");
        }
    }
}
