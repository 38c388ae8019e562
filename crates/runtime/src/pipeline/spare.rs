//! Calls that are used again: what a site's calls need is found and made once on each thread.
//!
//! A thread keeps, for each site that it called, which runtime and which plan that was, and a few of the calls that
//! have ended. A call in a steady state then looks nothing up in a table that threads share, counts no reference that
//! they share, and allocates nothing. What is kept is the same as what would be looked up: it is known by the site and
//! the runtime's number, and a thread forgets all of it at its first call after any runtime has ended.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use steadfast_actors::rejection::Rejection;

use super::call::Call;
use super::plan::Plan;
use super::site::Site;
use crate::runtime::{Runtime, current_id, ended};

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { ended: 0, known: Vec::new() }) };
}

/// Sites that one thread remembers; two that share a place take turns.
const PLACES: usize = 128;
/// Calls of one site that one thread keeps: as many as it has often had at once.
const MOST_CALLS: usize = 32;

struct Spare {
    /// How many runtimes had ended when it was last looked at.
    ended: u64,
    known: Vec<Option<Known>>,
}

/// Whose calls they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
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
    fn place(self) -> usize {
        // Statics lie next to each other: their low bits say more than their high ones, but for alignment.
        (self.site >> 4).wrapping_add(self.site >> 11) % PLACES
    }
}

/// A call for one use; dropped, it can be used again.
#[derive(Debug)]
pub(super) struct Used {
    owner: Owner,
    call: Option<Arc<Call>>,
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
    /// The call itself, which nobody else holds yet.
    pub(super) fn alone(&mut self) -> Option<&mut Call> {
        self.call.as_mut().and_then(Arc::get_mut)
    }
}

impl Drop for Used {
    #[inline]
    fn drop(&mut self) {
        let Some(mut call) = self.call.take() else { return };
        if Arc::strong_count(&call) > 1 {
            // Something that it started still runs inside it.
            return;
        }
        if !call.is_as_new() {
            match Arc::get_mut(&mut call) {
                Some(alone) => alone.renew(),
                None => return,
            }
        }
        let place = self.owner.place();
        // What is dropped here is so after the borrow: a runtime that goes may call again.
        let _not_kept = SPARE.try_with(|spare| {
            let Ok(mut spare) = spare.try_borrow_mut() else { return Some(call) };
            match spare.known.get_mut(place) {
                Some(Some(known)) if known.owner == self.owner && known.calls.len() < MOST_CALLS => {
                    known.calls.push(call);
                    None
                }
                _ => Some(call),
            }
        });
    }
}

/// A call of `site` in the runtime of this place.
#[inline]
pub(super) fn call_of(site: &'static Site) -> Result<Used, Rejection> {
    let site_address = std::ptr::from_ref(site) as usize;
    if let Some(runtime) = current_id()
        && let Some(used) = take(Owner { site: site_address, runtime })
    {
        return Ok(used);
    }
    let runtime = Runtime::current();
    let plan = runtime.plans().of(site, &runtime)?;
    Ok(make(Owner { site: site_address, runtime: runtime.id() }, &runtime, &plan))
}

/// A call of a plan that is at hand.
#[inline]
pub(super) fn call_of_plan(runtime: &Runtime, plan: &Arc<Plan>) -> Used {
    let owner = Owner { site: Arc::as_ptr(plan) as usize, runtime: runtime.id() };
    take(owner).unwrap_or_else(|| make(owner, runtime, plan))
}

#[inline]
fn take(owner: Owner) -> Option<Used> {
    let (call, _forgotten) = SPARE
        .try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let ended = ended();
            if spare.ended != ended {
                spare.ended = ended;
                return (None, std::mem::take(&mut spare.known));
            }
            let known = spare.known.get_mut(owner.place()).and_then(Option::as_mut);
            let call = known
                .filter(|known| known.owner == owner)
                .map(|known| known.calls.pop().unwrap_or_else(|| Call::of_plan(&known.runtime, &known.plan)));
            (call, Vec::new())
        })
        .ok()?;
    call.map(|call| Used { owner, call: Some(call) })
}

fn make(owner: Owner, runtime: &Runtime, plan: &Arc<Plan>) -> Used {
    let known = Known { owner, runtime: runtime.clone(), plan: Arc::clone(plan), calls: Vec::new() };
    let _replaced = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.known.is_empty() {
            spare.known.resize_with(PLACES, || None);
        }
        spare.known.get_mut(owner.place()).and_then(|place| place.replace(known))
    });
    Used { owner, call: Some(Call::of_plan(runtime, plan)) }
}
