use std::sync::{Arc, Mutex, MutexGuard};

use steadfast_actors::breaker::{BreakerPermit, Granted};
use steadfast_actors::bulkhead::{PoolKind, SharedPermit};
use steadfast_actors::outcome::{Ending, Outcome};

use super::call::Call;
use super::gate::Gate;
use super::plan::Plan;
use crate::lock::lock;

/// What tells one gate from all others: its actor, and whose it is where each key has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) actor: usize,
    pub(crate) key: Option<String>,
}

/// The grants that a call holds while it runs.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<Holding>);

#[derive(Debug, Default)]
struct Holding {
    /// Places are never used again: a call inside may outlive what it was lent from.
    places: u64,
    held: Vec<Held>,
    /// Those up to here are of the whole call, not of one of its attempts.
    throughout: u64,
}

#[derive(Debug)]
struct Held {
    place: u64,
    address: Address,
    /// What a call inside may take over; nothing where a pool's place is held.
    breaker: Option<Lendable>,
    /// What work is done under; nothing where a breaker's permit is held.
    pool: Option<SharedPermit>,
}

/// What a gate has granted.
pub(crate) enum Grant {
    /// A breaker's permit.
    Breaker(BreakerPermit),
    /// A place in a pool, with the permit where work is done under it.
    Place(Option<SharedPermit>),
}

#[derive(Debug)]
struct Lendable {
    permit: BreakerPermit,
    lent: bool,
    /// A call inside that passed the same breaker has told it of a failure.
    told: bool,
}

impl Holds {
    /// What is held by now is held for all attempts.
    pub(crate) fn keep_throughout(&self) {
        let mut holds = self.lock();
        holds.throughout = holds.places;
    }

    /// The permit of the innermost pool of that kind; of attempts side by side, one under which nothing is being done.
    pub(crate) fn permit_of(&self, kind: PoolKind) -> Option<SharedPermit> {
        let holds = self.lock();
        let pools = holds.held.iter().rev().filter_map(|held| Some((&held.address, held.pool.as_ref()?)));
        let mut of_kind =
            pools.filter(|(_, permit)| permit.pool().is_some_and(|pool| pool.config().kind() == kind));
        let (address, innermost) = of_kind.next()?;
        let mut others = of_kind.filter(|(other, _)| *other == address);
        let unused = if innermost.is_unused() { None } else { others.find(|(_, other)| other.is_unused()) };
        Some(unused.map_or(innermost, |(_, unused)| unused).clone())
    }

    /// Takes in what `call`, whose holds these are, has passed at once: from here on it can be lent.
    pub(super) fn take_over(&self, call: &Call) {
        let mut holds = self.lock();
        let (Some(plan), Some(words)) = (call.plan(), call.in_advance.words()) else { return };
        call.in_advance.lie_at(holds.places);
        for ((gate, word), index) in plan.all_gates().zip(words).zip(1..) {
            let breaker = match gate {
                Gate::Breaker(breaker, _) => {
                    let permit = breaker.permit(Granted::of_word(word));
                    Some(Lendable { permit, lent: false, told: false })
                }
                _ => None,
            };
            let (place, address) = (holds.places, Address { actor: gate.actor_address(), key: None });
            holds.places += 1;
            holds.held.push(Held { place, address, breaker, pool: None });
            if index == plan.call_gates.len() {
                holds.throughout = holds.places;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Holding> {
        lock(&self.0)
    }
}

/// A grant that a call holds. Calls inside it pass the same gate without a second one: a pool that a call and its
/// callee both need would otherwise wait for itself, and a breaker's only probe would lock out the callee that it is
/// meant to try.
#[derive(Debug)]
pub(crate) struct Hold {
    call: Arc<Call>,
    place: u64,
    /// The same breaker, as the call around holds it.
    around: Option<(Arc<Call>, u64)>,
}

/// What a call finds at a gate that a call around it has passed.
pub(crate) enum Around {
    /// A pool's place, which serves both.
    Place,
    /// A breaker's permit, handed over to whoever is nearest to what the breaker guards.
    Permit(BreakerPermit, (Arc<Call>, u64)),
    /// A breaker whose permit is with another call inside by now.
    Lent((Arc<Call>, u64)),
}

impl Hold {
    /// What is held of the gate at `address` by the same attempt, by its call as a whole, or by the
    /// calls around it, the nearest first. What another attempt of the call holds is no help: of two at once, each
    /// needs a grant of its own.
    pub(crate) fn around(
        call: &Arc<Call>,
        address: &Address,
        is_of_attempt: impl Fn(u64) -> bool,
    ) -> Option<Around> {
        let is_there = |held: &Held| held.address == *address;
        let own = {
            let holds = call.holds().lock();
            let mut found = holds.held.iter().filter(|held| is_there(held));
            found
                .find(|held| held.place < holds.throughout || is_of_attempt(held.place))
                .map(|held| held.place)
        };
        if let Some(place) = own {
            return Self::lent(call, |held| held.place == place);
        }
        let mut outer = std::iter::successors(call.parent(), |call| call.parent());
        outer.find_map(|outer| Self::lent(outer, is_there))
    }

    fn lent(call: &Arc<Call>, which: impl Fn(&Held) -> bool) -> Option<Around> {
        if call.in_advance.count() > 0 {
            call.holds().take_over(call);
        }
        let mut holds = call.holds().lock();
        let held = holds.held.iter_mut().find(|held| which(held))?;
        let Some(breaker) = &mut held.breaker else { return Some(Around::Place) };
        let lender = (Arc::clone(call), held.place);
        if std::mem::replace(&mut breaker.lent, true) {
            return Some(Around::Lent(lender));
        }
        Some(Around::Permit(breaker.permit.lend(), lender))
    }

    /// What lies there already.
    pub(super) fn at(call: &Arc<Call>, place: u64) -> Self {
        Hold { call: Arc::clone(call), place, around: None }
    }

    /// Its place among all that the call holds.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Holds a pool's place, or a breaker's permit.
    pub(crate) fn new(
        call: &Arc<Call>,
        address: Address,
        grant: Grant,
        around: Option<(Arc<Call>, u64)>,
    ) -> Self {
        let mut holds = call.holds().lock();
        let place = holds.places;
        holds.places += 1;
        let (breaker, pool) = match grant {
            Grant::Breaker(permit) => (Some(Lendable { permit, lent: false, told: false }), None),
            Grant::Place(permit) => (None, permit),
        };
        holds.held.push(Held { place, address, breaker, pool });
        drop(holds);
        Hold { call: Arc::clone(call), place, around }
    }

    /// Lets go of a breaker's permit, with which `outcome` is to be reported; nothing where that would be the second
    /// report of one passage.
    pub(crate) fn settled(self, outcome: Outcome) -> Option<BreakerPermit> {
        let failed = matches!(outcome.ending, Ending::Error(_) | Ending::TimedOut | Ending::Panicked);
        if failed && let Some((lender, place)) = &self.around {
            let mut holds = lender.holds().lock();
            let held = holds.held.iter_mut().find(|held| held.place == *place);
            if let Some(breaker) = held.and_then(|held| held.breaker.as_mut()) {
                breaker.told = true;
            }
        }
        let Lendable { permit, lent, told } = self.let_go()?.breaker?;
        // What the call did besides its callee may have failed where the callee did not.
        (!lent || failed && !told).then_some(permit)
    }

    fn let_go(&self) -> Option<Held> {
        let mut holds = self.call.holds().lock();
        let index = holds.held.iter().position(|held| held.place == self.place)?;
        Some(holds.held.remove(index))
    }
}

/// Whether a call around this one holds the gate of that actor.
pub(super) fn is_held_around(call: &Call, actor: usize) -> bool {
    let mut outer = std::iter::successors(call.parent(), |call| call.parent());
    outer.any(|outer| {
        let at_once = outer.plan().into_iter().flat_map(Plan::all_gates).take(outer.in_advance.count());
        at_once.into_iter().any(|gate| gate.actor_address() == actor)
            || outer.holds().lock().held.iter().any(|held| held.address.actor == actor)
    })
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Outside of the lock: a permit that is dropped tells its actor.
        drop(self.let_go());
    }
}
