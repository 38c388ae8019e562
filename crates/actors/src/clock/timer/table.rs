use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::clock::{Clock, Time};

/// The width of a slot, in nanoseconds: what tokio's own timers are exact to.
pub(super) const SLOT: u64 = 1_000_000;

/// Of an entry that waits for nothing.
const IDLE: u64 = u64::MAX;
/// Of one whose end was reached.
const FIRED: u64 = 0;
/// Of one that nobody fires any more.
const UNDRIVEN: u64 = 1;
/// The first that is an end.
const FIRST_END: u64 = 2;

/// Of an entry that lies in no slot, and of a driver that sleeps for none.
const NOWHERE: u64 = u64::MAX;

/// A panic never happens while these locks are held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first slot that is not before `ends`.
fn slot_of(ends: u64) -> u64 {
    ends.div_ceil(SLOT)
}

/// One end, and whom it wakes.
#[derive(Debug)]
pub(super) struct Entry {
    ends: AtomicU64,
    /// The slot that it lies in. Written under the table's lock alone.
    lies_at: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

/// What became of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Nothing,
    Fired,
    Undriven,
}

impl Entry {
    fn new() -> Self {
        Entry { ends: AtomicU64::new(IDLE), lies_at: AtomicU64::new(NOWHERE), waker: Mutex::new(None) }
    }

    /// Says when it ends; `true` where it does not lie near enough for that.
    #[inline]
    pub(super) fn arm(&self, ends: Time, waker: &Waker) -> bool {
        let ends = ends.as_nanos().max(FIRST_END);
        {
            let mut known = lock(&self.waker);
            wake_this(&mut known, waker);
            // Under the lock: whoever sees it idle there may take the waker away.
            self.ends.store(ends, Ordering::SeqCst);
        }
        self.lies_at.load(Ordering::SeqCst) > slot_of(ends)
    }

    /// What became of it; where nothing has, this task is woken.
    #[inline]
    pub(super) fn look(&self, waker: &Waker) -> Came {
        wake_this(&mut lock(&self.waker), waker);
        // After the waker is there: who fires now either finds it, or is seen here.
        match self.ends.load(Ordering::SeqCst) {
            FIRED => Came::Fired,
            UNDRIVEN => Came::Undriven,
            _ => Came::Nothing,
        }
    }

    #[inline]
    pub(super) fn disarm(&self) {
        // Nothing hangs on when others see it: who fires it meanwhile is overwritten by this, or wakes for nothing.
        self.ends.store(IDLE, Ordering::Release);
    }

    /// Ends it, unless its end was moved meanwhile.
    fn end(&self, ends: u64, came: u64) {
        if self.ends.compare_exchange(ends, came, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            let waker = lock(&self.waker).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Whom it would wake, where it waits for nothing.
    fn unneeded(&self) -> Option<Waker> {
        let mut waker = lock(&self.waker);
        if self.ends.load(Ordering::SeqCst) == IDLE { waker.take() } else { None }
    }
}

#[inline]
fn wake_this(known: &mut Option<Waker>, waker: &Waker) {
    match known {
        Some(known) if known.will_wake(waker) => {}
        known => *known = Some(waker.clone()),
    }
}

/// Where entries lie.
#[derive(Debug)]
pub(super) struct Table {
    state: Mutex<State>,
    poked: Notify,
    pub(super) clock: Arc<Clock>,
    tokio: Handle,
}

#[derive(Debug)]
struct State {
    /// Some that lie there are no longer meant: they lie elsewhere by now.
    slots: BTreeMap<u64, Vec<Arc<Entry>>>,
    /// Entries that still lie somewhere, and are nobody's.
    unused: Vec<Arc<Entry>>,
    /// The slot that the driver sleeps for.
    wakes_at: u64,
    is_driven: bool,
    is_closed: bool,
}

impl Table {
    pub(super) fn new(tokio: Handle, clock: Arc<Clock>) -> Self {
        let (slots, unused) = (BTreeMap::new(), Vec::new());
        let state = State { slots, unused, wakes_at: NOWHERE, is_driven: false, is_closed: false };
        Table { state: Mutex::new(state), poked: Notify::new(), clock, tokio }
    }

    /// An entry that waits for nothing.
    pub(super) fn unused(&self) -> Arc<Entry> {
        let unused = lock(&self.state).unused.pop();
        unused.unwrap_or_else(|| Arc::new(Entry::new()))
    }

    /// Takes one back. While it lies somewhere, the next one is made of it: what lies here is never more than what was
    /// armed at once.
    pub(super) fn take_back(&self, entry: &Arc<Entry>) {
        entry.disarm();
        drop(entry.unneeded());
        let mut state = lock(&self.state);
        if entry.lies_at.load(Ordering::SeqCst) != NOWHERE {
            state.unused.push(Arc::clone(entry));
        }
    }

    /// Lets it lie where it is found in time for `ends`.
    pub(super) fn insert(self: &Arc<Self>, entry: &Arc<Entry>, ends: Time) {
        let ends = ends.as_nanos().max(FIRST_END);
        let slot = slot_of(ends);
        let (is_nearer, is_driven) = {
            let mut state = lock(&self.state);
            if state.is_closed {
                drop(state);
                return entry.end(ends, UNDRIVEN);
            }
            if !state.put(entry, slot) {
                return;
            }
            let is_nearer = slot < state.wakes_at;
            if is_nearer {
                state.wakes_at = slot;
            }
            (is_nearer, std::mem::replace(&mut state.is_driven, true))
        };
        // Outside of the lock: where tokio shuts down, what is spawned is dropped right here.
        if !is_driven {
            self.tokio.spawn(drive(Driver(Arc::clone(self))));
        } else if is_nearer {
            self.poked.notify_one();
        }
    }

    /// Fires what is over at `now`, moves what ends later, and says when to look again; `None` where there is nothing to
    /// look at any more.
    pub(super) fn run(&self, now: Time) -> Option<Time> {
        let mut over = Vec::new();
        let mut idle = Vec::new();
        let wakes_at = {
            let mut state = lock(&self.state);
            if state.is_closed {
                return None;
            }
            let by_now = now.as_nanos() / SLOT;
            while let Some((slot, entries)) = state.next_until(by_now) {
                for entry in entries {
                    if entry.lies_at.load(Ordering::SeqCst) != slot {
                        continue;
                    }
                    entry.lies_at.store(NOWHERE, Ordering::SeqCst);
                    match entry.ends.load(Ordering::SeqCst) {
                        IDLE | FIRED | UNDRIVEN => idle.push(entry),
                        ends if slot_of(ends) <= by_now => over.push((entry, ends)),
                        ends => _ = state.put(&entry, slot_of(ends)),
                    }
                }
            }
            if state.slots.is_empty() {
                state.unused.clear();
            }
            state.wakes_at = state.slots.first_key_value().map_or(NOWHERE, |(slot, _)| *slot);
            state.wakes_at
        };
        over.into_iter().for_each(|(entry, ends)| entry.end(ends, FIRED));
        idle.into_iter().for_each(|entry| drop(entry.unneeded()));
        Some(if wakes_at == NOWHERE { Time::MAX } else { Time::from_nanos(wakes_at.saturating_mul(SLOT)) })
    }

    /// Nobody arms anything here any more.
    pub(super) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.poked.notify_one();
    }

    /// Tells all that are armed that nobody fires them.
    fn abandon(&self) {
        let slots = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            state.unused.clear();
            std::mem::take(&mut state.slots)
        };
        for entry in slots.into_values().flatten() {
            entry.lies_at.store(NOWHERE, Ordering::SeqCst);
            let ends = entry.ends.load(Ordering::SeqCst);
            if ends >= FIRST_END && ends != IDLE {
                entry.end(ends, UNDRIVEN);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn lies_in_slots(&self) -> usize {
        lock(&self.state).slots.values().map(Vec::len).sum()
    }
}

impl State {
    /// Lets it lie there, unless it lies there or before that already.
    fn put(&mut self, entry: &Arc<Entry>, slot: u64) -> bool {
        let is_far = entry.lies_at.load(Ordering::SeqCst) > slot;
        if is_far {
            entry.lies_at.store(slot, Ordering::SeqCst);
            self.slots.entry(slot).or_default().push(Arc::clone(entry));
        }
        is_far
    }

    /// The next slot up to `by_now`, with what lies there.
    fn next_until(&mut self, by_now: u64) -> Option<(u64, Vec<Arc<Entry>>)> {
        let first = self.slots.first_entry()?;
        (*first.key() <= by_now).then(|| first.remove_entry())
    }
}

/// What fires the entries of a table; dropped, whoever waits there has to wait otherwise.
struct Driver(Arc<Table>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

async fn drive(driver: Driver) {
    let Driver(table) = &driver;
    while let Some(next) = table.run(table.clock.now()) {
        let poked = table.poked.notified();
        if next == Time::MAX {
            poked.await;
        } else {
            // Either way it is time to look.
            let _ = timeout_at(table.clock.instant(next), poked).await;
        }
    }
}
