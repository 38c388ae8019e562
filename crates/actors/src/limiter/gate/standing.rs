use std::time::Duration;

use crate::clock::Time;
use crate::gate::cell::{AtomicU64, Ordering};
use crate::limiter::Decision;

/// What all answers of one limiter say alike, as it was published last.
#[derive(Debug, Default)]
pub(super) struct Standing {
    limit: AtomicU64,
    /// The window: whole seconds and the rest, since every answer says it so.
    seconds: AtomicU64,
    nanos: AtomicU64,
}

impl Standing {
    /// For the actor alone.
    pub(super) fn publish(&self, (limit, window): (u64, Duration)) {
        self.limit.store(limit, Ordering::Relaxed);
        self.seconds.store(window.as_secs(), Ordering::Relaxed);
        self.nanos.store(u64::from(window.subsec_nanos()), Ordering::Relaxed);
    }

    /// The most that can be left.
    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn decision(&self, remaining: u64, more_at: u64) -> Decision {
        let nanos = self.nanos.load(Ordering::Relaxed) as u32;
        Decision {
            remaining,
            limit: self.limit.load(Ordering::Relaxed),
            window: Duration::new(self.seconds.load(Ordering::Relaxed), nanos),
            more_at: Time::from_nanos(more_at),
        }
    }
}
