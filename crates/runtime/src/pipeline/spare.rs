//! Calls that are used again: what a site's calls need is found and made once on each thread.
//!
//! A thread keeps, for each site that it called, which runtime and which plan that was, and a few of the calls that
//! have ended. A call in a steady state then looks nothing up in a table that threads share, counts no reference that
//! they share, and allocates nothing. What is kept is the same as what would be looked up: it is known by the site and
//! the runtime's number, and a thread forgets all of it at its first call after any runtime has ended.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;

use steadfast_actors::rejection::Rejection;

use super::advance;
use super::call::Call;
use super::plan::Plan;
use super::scope::{self, Here};
use super::site::Site;
use crate::ambient;
use crate::runtime::{Place, Runtime, current_id, ended};

thread_local! {
    static SPARE: Spare = const { Spare::new() };
}

/// Sites that one thread remembers; two that share a place take turns.
const PLACES: usize = 128;
/// The golden ratio as a fraction of a word: multiples of it lie as far apart as they can (Knuth, The Art of Computer
/// Programming, volume 3, 6.4).
const SPREADS: usize = 0x9E37_79B9_7F4A_7C15_u64 as usize;
/// Calls of one site that one thread keeps: as many as it has often had at once.
const MOST_CALLS: usize = 32;

/// What one thread keeps.
pub(super) struct Spare {
    /// How many runtimes had ended when it was last looked at.
    ended: Cell<u64>,
    /// The call that the next one of a site will be.
    next: [Cell<Option<Arc<Call>>>; PLACES],
    /// What further ones are made of, and those that are there besides.
    known: RefCell<Vec<Option<Known>>>,
}

/// Whose calls they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    /// The address of the static site, or of the plan that was put together in code: that is kept with it, so that no
    /// other takes its address.
    site: usize,
    runtime: u64,
}

struct Known {
    owner: Owner,
    runtime: Runtime,
    plan: Arc<Plan>,
    calls: Vec<Arc<Call>>,
}

impl Owner {
    #[inline]
    fn place(self) -> usize {
        // Addresses of what lies in a row differ in a few low bits; all are spread over the high ones.
        self.site.wrapping_mul(SPREADS) >> (usize::BITS - PLACES.trailing_zeros())
    }
}

/// A call for one use; dropped, it is over, and can be used again.
#[derive(Debug)]
pub(super) struct Used {
    call: Option<Arc<Call>>,
    /// Where it is counted while it is in flight.
    place: Place,
}

impl Deref for Used {
    type Target = Arc<Call>;

    #[inline]
    fn deref(&self) -> &Arc<Call> {
        let Some(call) = &self.call else { unreachable!("it is taken out by its drop alone") };
        call
    }
}

impl Used {
    #[inline]
    fn new(call: Arc<Call>) -> Self {
        let place = call.runtime.begin();
        Used { call: Some(call), place }
    }

    /// The call itself, which nobody else holds yet.
    pub(super) fn alone(&mut self) -> Option<&mut Call> {
        self.call.as_mut().and_then(Arc::get_mut)
    }

    /// Ends it, a success: the same as its drop, where `spare` is this thread's.
    #[inline]
    pub(super) fn end(mut self, spare: &Spare) {
        if let Some(call) = self.call.take() {
            call.runtime.end(self.place);
            spare.keep(call);
        }
    }

    /// Does `work` inside the call, where `here` is what this thread runs in.
    #[inline]
    pub(super) fn inside_here<T>(&mut self, here: &Here, work: impl FnOnce() -> T) -> T {
        ambient::inside(here, &mut self.call, work)
    }

    /// Does `work` inside the call.
    #[inline]
    pub(super) fn inside<T>(&mut self, work: impl FnOnce() -> T) -> T {
        scope::inside(&mut self.call, work)
    }
}

impl Drop for Used {
    #[inline]
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            dropped(call, self.place);
        }
    }
}

#[inline(never)]
fn dropped(call: Arc<Call>, place: Place) {
    call.runtime.end(place);
    if call.in_advance.count() > 0 {
        // Only a panic comes here.
        drop(advance::take_over(&call));
    }
    let _not_kept = with(|spare| spare.keep(call));
}

/// Does `work` with what this thread keeps; one that ends keeps nothing any more.
#[inline]
pub(super) fn with<O>(work: impl FnOnce(&Spare) -> O) -> Option<O> {
    SPARE.try_with(work).ok()
}

impl Spare {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Spare {
            ended: Cell::new(0),
            next: [const { Cell::new(None) }; PLACES],
            known: RefCell::new(Vec::new()),
        }
    }

    /// A call of `site` in the runtime of this place.
    #[inline]
    pub(super) fn call_of(&self, site: &'static Site) -> Result<Used, Box<Rejection>> {
        let site_address = std::ptr::from_ref(site) as usize;
        if let Some(runtime) = current_id()
            && let Some(call) = self.take(Owner { site: site_address, runtime })
        {
            return Ok(Used::new(call));
        }
        self.first_call_of(site)
    }

    #[cold]
    fn first_call_of(&self, site: &'static Site) -> Result<Used, Box<Rejection>> {
        let runtime = Runtime::current();
        let plan = runtime.plans().of(site, &runtime)?;
        let owner = Owner { site: std::ptr::from_ref(site) as usize, runtime: runtime.id() };
        Ok(self.make(owner, &runtime, &plan))
    }

    /// A call of a plan that is at hand.
    #[inline]
    pub(super) fn call_of_plan(&self, runtime: &Runtime, plan: &Arc<Plan>) -> Used {
        let owner = Owner { site: Arc::as_ptr(plan) as usize, runtime: runtime.id() };
        self.take(owner).map_or_else(|| self.make(owner, runtime, plan), Used::new)
    }

    #[cold]
    fn make(&self, owner: Owner, runtime: &Runtime, plan: &Arc<Plan>) -> Used {
        let known = Known { owner, runtime: runtime.clone(), plan: Arc::clone(plan), calls: Vec::new() };
        let mut places = self.known.borrow_mut();
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        let replaced = places.get_mut(owner.place()).and_then(|place| place.replace(known));
        // Dropped after the borrow: a runtime that goes may call again.
        drop(places);
        drop(replaced);
        Used::new(Call::of_plan(runtime, plan, owner))
    }

    /// A call of that site; `None` where the thread does not know it.
    #[inline]
    fn take(&self, owner: Owner) -> Option<Arc<Call>> {
        if self.ended.get() == ended()
            && let Some(call) = self.next[owner.place()].take()
        {
            if *call.owner() == owner {
                return Some(call);
            }
            drop(self.put_aside(call));
        }
        self.further(owner)
    }

    /// The same where none is next.
    #[inline(never)]
    fn further(&self, owner: Owner) -> Option<Arc<Call>> {
        let ended = ended();
        if self.ended.replace(ended) != ended {
            // Dropped after the borrow: a runtime that goes may call again.
            let _forgotten: Vec<Arc<Call>> = self.next.iter().filter_map(Cell::take).collect();
            let _forgotten = std::mem::take(&mut *self.known.borrow_mut());
            return None;
        }
        let mut known = self.known.borrow_mut();
        let known = known.get_mut(owner.place()).and_then(Option::as_mut)?;
        let made = || Call::of_plan(&known.runtime, &known.plan, owner);
        (known.owner == owner).then(|| known.calls.pop().unwrap_or_else(made))
    }

    /// Takes a call back that is over, where it can be used again.
    #[inline(always)]
    fn keep(&self, call: Arc<Call>) {
        // Something that it started may still run inside it.
        if Arc::strong_count(&call) == 1 && call.is_as_new() {
            drop(self.put(call));
        } else {
            self.keep_renewed(call);
        }
    }

    #[inline(never)]
    fn keep_renewed(&self, mut call: Arc<Call>) {
        if let Some(alone) = Arc::get_mut(&mut call) {
            alone.renew();
            drop(self.put(call));
        }
    }

    /// Takes a call back that can be used again; what is returned is to be dropped.
    #[inline]
    fn put(&self, call: Arc<Call>) -> Option<Arc<Call>> {
        if self.ended.get() != ended() {
            return Some(call);
        }
        let before = self.next[call.owner().place()].replace(Some(call));
        before.and_then(|before| self.put_aside(before))
    }

    #[inline(never)]
    fn put_aside(&self, call: Arc<Call>) -> Option<Arc<Call>> {
        let Ok(mut known) = self.known.try_borrow_mut() else { return Some(call) };
        match known.get_mut(call.owner().place()) {
            Some(Some(known)) if known.owner == *call.owner() && known.calls.len() < MOST_CALLS => {
                known.calls.push(call);
                None
            }
            _ => Some(call),
        }
    }
}
