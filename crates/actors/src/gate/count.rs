//! A count of what callers did that changes nobody's mind: the actor only wants to know how often.

use super::cell::{AtomicU64, Ordering};
use super::slots::{Cell, Slots};

/// A count by thread, and how far its reader came.
#[derive(Debug, Default)]
pub(crate) struct Count {
    counted: Slots<AtomicU64>,
    told: AtomicU64,
}

impl Count {
    /// Counts one.
    #[inline]
    pub(crate) fn add(&self) {
        match self.counted.own() {
            // Only its thread writes a slot: an addition that others may see half done is not needed.
            Cell::Own(own) => {
                own.store(own.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            }
            Cell::Shared(shared) => {
                shared.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many were counted since the last time. For the actor alone.
    pub(crate) fn take(&self) -> u64 {
        let counted =
            self.counted.all().fold(0_u64, |sum, one| sum.wrapping_add(one.load(Ordering::Relaxed)));
        counted.wrapping_sub(self.told.swap(counted, Ordering::Relaxed))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_count_of_any_thread_is_taken_once() {
        let count = Count::default();
        assert_eq!(count.take(), 0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..1_000).for_each(|_| count.add()));
            }
        });
        assert_eq!((count.take(), count.take()), (2_000, 0));
    }
}
