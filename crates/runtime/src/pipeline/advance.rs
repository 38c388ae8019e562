//! Gates that a call passes at once, on what their actors granted in advance.
//!
//! ```text
//!   take -> a word for each gate, in the call -> settle: each told of the success, innermost first
//!                     |
//!                     | anything else, or a call inside that comes to one of these gates
//!                     v
//!            take_over: permits, holds and passes, as the interpreter makes them
//! ```
//!
//! What is held so is the call's own: no permit, no reference, no lock. Only who has to do with it turns it into what
//! can be lent, told and dropped. Until then the call alone knows of it, and a call that is dropped gives it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

use steadfast_actors::breaker::Granted as Passed;
use steadfast_actors::bulkhead::Granted as Place;
use steadfast_actors::clock::Time;
use steadfast_actors::outcome::Outcome;

use super::call::Call;
use super::gate::{Gate, Pass};
use super::hold::{Hold, is_held_around};
use super::plan::Plan;

/// Gates that a call passes at once, at most; a call of more of them is interpreted.
pub(super) const MOST: usize = 4;

/// What a call holds of its plan's gates, the first ones of the whole call before those of its attempt.
#[derive(Debug, Default)]
pub(crate) struct InAdvance {
    count: AtomicUsize,
    words: [AtomicU64; MOST],
    /// Whether they lie among the call's holds by now, and where the first of them does.
    taken_over: AtomicBool,
    first_place: AtomicU64,
}

// Relaxed: all is written by the thread that polls the call. Others read it under the lock of the call's holds, or have
// got the call from that thread.
impl InAdvance {
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// So many, unless they were taken over.
    pub(super) fn words(&self) -> Option<impl Iterator<Item = u64>> {
        let count = self.count();
        let there = count > 0 && !self.taken_over.load(Ordering::Relaxed);
        there.then(|| self.words.iter().take(count).map(|word| word.load(Ordering::Relaxed)))
    }

    /// They lie among the holds, from there on.
    pub(super) fn lie_at(&self, first_place: u64) {
        self.first_place.store(first_place, Ordering::Relaxed);
        self.taken_over.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn forget(&self, from: usize) {
        self.count.store(from, Ordering::Relaxed);
    }
}

/// Passes as many gates of `plan` as are granted in advance; `true` where those are all.
#[inline]
pub(super) fn take(call: &Call, plan: &Plan) -> bool {
    let has_calls_around = call.parent().is_some();
    let held = &call.in_advance;
    held.taken_over.store(false, Ordering::Relaxed);
    for (index, gate) in plan.at_once.iter().enumerate() {
        let word = match gate {
            // What a call around holds is shared with it.
            _ if has_calls_around && is_held_around(call, gate.actor_address()) => None,
            Gate::Breaker(breaker, None) => match breaker.try_granted() {
                Some(Ok(passed)) => Some(passed.into_word()),
                _ => None,
            },
            // Nobody is late here: a call that is over has ended by now.
            Gate::Pool(pool) => pool.handle.try_granted(1, Time::MAX).map(Place::into_word),
            _ => None,
        };
        let (Some(word), Some(place)) = (word, held.words.get(index)) else { return false };
        place.store(word, Ordering::Relaxed);
        held.count.store(index + 1, Ordering::Relaxed);
    }
    true
}

/// Tells each gate of the success, innermost first; `false` where some are left, which have to hear of it otherwise.
/// `own` of the references to the call are those of who runs it.
#[inline]
pub(super) fn settle(call: &Arc<Call>, own: usize, plan: &Plan, outcome: &Outcome) -> bool {
    let held = &call.in_advance;
    // Nobody inside may still rely on it.
    if Arc::strong_count(call) > own {
        return false;
    }
    // What the last of them did, before it let go of the call.
    fence(Ordering::Acquire);
    if held.taken_over.load(Ordering::Relaxed) {
        return false;
    }
    for (index, (gate, word)) in plan.at_once.iter().zip(&held.words).enumerate().rev() {
        let word = word.load(Ordering::Relaxed);
        match gate {
            Gate::Breaker(breaker, _) => {
                if !breaker.settle_granted(Passed::of_word(word), outcome) {
                    return false;
                }
                held.forget(index);
            }
            Gate::Pool(pool) => {
                held.forget(index);
                pool.handle.give_back_granted(Place::of_word(word));
            }
            Gate::Shed(..) | Gate::Timed(..) => {}
        }
    }
    true
}

/// What was passed at once, as the interpreter holds it: what is of the whole call, and what is of its attempt.
pub(super) fn take_over(call: &Arc<Call>) -> (Vec<Pass>, Vec<Pass>) {
    let (mut whole, mut attempt) = (call.room(), call.room());
    let Some(plan) = call.plan() else { return (whole, attempt) };
    call.holds().take_over(call);
    let held = &call.in_advance;
    let first = held.first_place.load(Ordering::Relaxed);
    let words = held.words.iter().map(|word| word.load(Ordering::Relaxed));
    for ((gate, word), index) in plan.all_gates().zip(words).zip(0..held.count()) {
        let pass = gate.passed_at_once(word, Hold::at(call, first + index as u64));
        if index < plan.call_gates.len() { whole.push(pass) } else { attempt.push(pass) }
    }
    held.forget(0);
    (whole, attempt)
}
