//! Which slot is this thread's.
//!
//! A thread takes a number when it first needs one, and gives it back when it ends. The lock of the free numbers
//! orders the last thing that one thread did with its slots before the first thing that the next one does, so a slot
//! has one writer at a time. Threads beyond the numbers share slot 0, and write it by compare and swap.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Who writes a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This thread alone: plain loads and stores do.
    Alone,
    /// Others too.
    Shared,
}

/// The slot of all threads without a number.
const SHARED: usize = 0;
const UNKNOWN: usize = usize::MAX;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
    static LEASE: Lease = const { Lease };
}

/// How many slots there are, the shared one included: twice as many threads as the machine can run, within bounds that
/// keep a gate small.
pub(crate) fn places() -> usize {
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        threads.saturating_mul(2).clamp(4, 32) + 1
    })
}

/// The number of this thread's slot.
#[inline]
pub(crate) fn place() -> (usize, Owner) {
    let number = NUMBER.get();
    let number = if number == UNKNOWN { claim() } else { number };
    (number, if number == SHARED { Owner::Shared } else { Owner::Alone })
}

fn free() -> MutexGuard<'static, BTreeSet<usize>> {
    static FREE: OnceLock<Mutex<BTreeSet<usize>>> = OnceLock::new();
    let free = FREE.get_or_init(|| Mutex::new((SHARED + 1..places()).collect()));
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
        let (first, owner) = place();
        assert_eq!((first, owner), place());
        let there = std::thread::scope(|scope| scope.spawn(|| (place(), place())).join().unwrap());
        assert_eq!(there.0, there.1);
        assert!(there.0.0 != first || first == SHARED);
        for _ in 0..places() * 3 {
            // Each ends before the next begins: if numbers leaked, all later ones would share.
            let number = std::thread::scope(|scope| scope.spawn(place).join().unwrap());
            assert!(number.0 < places());
        }
    }

    #[test]
    fn threads_beyond_the_numbers_share_one_slot_and_say_so() {
        let threads = places() * 2;
        let barrier = std::sync::Barrier::new(threads);
        let all: Vec<(usize, Owner)> = std::thread::scope(|scope| {
            let wait = || {
                let place = place();
                barrier.wait();
                place
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(wait)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let alone: Vec<usize> =
            all.iter().filter(|(_, owner)| *owner == Owner::Alone).map(|(number, _)| *number).collect();
        assert_eq!(alone.iter().collect::<BTreeSet<_>>().len(), alone.len(), "two threads own one slot");
        assert!(all.contains(&(SHARED, Owner::Shared)));
    }
}
