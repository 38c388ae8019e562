//! Which slot is this thread's.
//!
//! A thread takes a number when it first needs one, and gives it back when it ends. The lock of the free numbers
//! orders the last thing that one thread did with its slots before the first thing that the next one does, so a slot
//! has one writer at a time. Threads beyond the numbers share the last slot, and write it by compare and swap.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The slot of all threads without a number: it stands behind all others.
const SHARED: usize = usize::MAX - 1;
const UNKNOWN: usize = usize::MAX;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
    static LEASE: Lease = const { Lease };
}

/// How many threads have a slot of their own: twice as many as the machine can run, within bounds that keep a gate small.
pub(crate) fn places() -> usize {
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        threads.saturating_mul(2).clamp(4, 32)
    })
}

/// The number of this thread's own slot; none of one where it has not looked for one, or found none.
#[inline]
pub(crate) fn own_place() -> usize {
    NUMBER.get()
}

/// The number of this thread's own slot; `None` where it shares the last one.
pub(crate) fn place() -> Option<usize> {
    let number = NUMBER.get();
    let number = if number == UNKNOWN { claim() } else { number };
    (number != SHARED).then_some(number)
}

fn free() -> MutexGuard<'static, BTreeSet<usize>> {
    static FREE: OnceLock<Mutex<BTreeSet<usize>>> = OnceLock::new();
    let free = FREE.get_or_init(|| Mutex::new((0..places()).collect()));
    free.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn claim() -> usize {
    // Where this fails the thread is ending: nobody would give its number back.
    let leased = LEASE.try_with(|_| ()).is_ok();
    let number = leased.then(|| free().pop_first()).flatten().unwrap_or(SHARED);
    NUMBER.set(number);
    number
}

/// Gives the thread's number back when it ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        // Whatever the thread still does while it ends, it does in the shared slot.
        let number = NUMBER.replace(SHARED);
        if number != SHARED && number != UNKNOWN {
            free().insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_number_no_other_has_it_meanwhile_and_the_next_may_take_it() {
        let first = place();
        assert_eq!((first, first.unwrap_or(SHARED)), (place(), own_place()));
        let there = std::thread::scope(|scope| scope.spawn(|| (place(), place())).join().unwrap());
        assert_eq!(there.0, there.1);
        assert!(there.0 != first || first.is_none());
        for _ in 0..places() * 3 {
            // Each ends before the next begins: if numbers leaked, all later ones would share.
            let number = std::thread::scope(|scope| scope.spawn(place).join().unwrap());
            assert!(number.is_none_or(|number| number < places()));
        }
    }

    #[test]
    fn threads_beyond_the_numbers_share_one_slot_and_say_so() {
        let threads = places() * 2;
        let barrier = std::sync::Barrier::new(threads);
        let all: Vec<Option<usize>> = std::thread::scope(|scope| {
            let wait = || {
                let place = place();
                barrier.wait();
                place
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(wait)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let alone: Vec<usize> = all.iter().flatten().copied().collect();
        assert_eq!(alone.iter().collect::<BTreeSet<_>>().len(), alone.len(), "two threads own one slot");
        assert!(all.contains(&None));
    }
}
