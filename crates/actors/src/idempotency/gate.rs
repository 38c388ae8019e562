//! What a store has answered for good: results that are replayed without a message.
//!
//! The gate holds a copy of every record that is done, whose result was kept and that somebody asked for again: most are
//! never asked for, and cost nothing here. It holds it until the store drops, replaces or forgets it, and is bounded as the
//! store is. A caller whose key stands there checks
//! what the store would check, in the same order: that the record's life is not over, and that the payload is the same.
//! Who the principal is, and in which scope the key was sent, is part of the key. Everything else is asked: a key that
//! is not there, one that is over, another payload, a result that was not kept.
//!
//! # Why no replay is wrong
//! A record that is done changes in one way only: it ends. Its end stands beside it and is compared with the wall
//! clock at each replay; where an operator forgets it earlier, it is gone from here before the order is answered. So at
//! the moment in which a caller finds it, the store would have given the same result.

use std::sync::{Arc, OnceLock};

use dashmap::DashMap;

use super::key::{Fingerprint, KeyState, RecordKey};
use super::{IdempotencyConfig, IdempotencyInput, IdempotencyMachine};
use crate::clock::{Clock, Time, WallTime};
use crate::gate::cell::{AtomicU64, Ordering};
use crate::gate::{Count, Gate, Noted};
use crate::settings::Grants;

/// A record that is done.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) fingerprint: Fingerprint,
    pub(super) result: Arc<[u8]>,
    pub(super) until: WallTime,
}

/// The gate of one store. It belongs to its host, and is empty where nothing is granted in advance.
#[derive(Debug)]
pub struct IdempotencyGate {
    /// One where a site takes results in advance: then they are copied here.
    on: AtomicU64,
    /// One while something is published.
    open: AtomicU64,
    /// How many calls wait for a run.
    waiting: AtomicU64,
    /// Made for the first of them. Nothing is ever done in the order in which keys stand here.
    done: OnceLock<DashMap<RecordKey, Done, KeyState>>,
    /// Replays that were given here.
    replayed: Count,
}

impl IdempotencyGate {
    /// A site takes results in advance, whatever holds for its runtime: they are copied from the next step on.
    pub(super) fn serve(&self) {
        self.on.store(1, Ordering::Release);
    }

    /// The result of `key`, if it is done and the store would replay it.
    pub(super) fn replay(
        &self,
        key: &RecordKey,
        fingerprint: &Fingerprint,
        clock: &Clock,
    ) -> Option<Arc<[u8]>> {
        if self.open.load(Ordering::Acquire) == 0 {
            return None;
        }
        let result = {
            let done = self.done.get()?.get(key)?;
            if done.fingerprint != *fingerprint || clock.is_over(done.until) {
                return None;
            }
            Arc::clone(&done.result)
        };
        self.replayed.add();
        Some(result)
    }
}

impl Gate<IdempotencyMachine> for IdempotencyGate {
    fn new(_: &IdempotencyConfig, runtime: Grants) -> Self {
        IdempotencyGate {
            on: AtomicU64::new(u64::from(runtime == Grants::On)),
            open: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            done: OnceLock::new(),
            replayed: Count::default(),
        }
    }

    fn publish(&self, machine: &mut IdempotencyMachine, _now: Time) {
        self.waiting.store(machine.waiting() as u64, Ordering::Release);
        if self.on.load(Ordering::Acquire) == 0 {
            return;
        }
        let state = machine.key_state();
        machine.settled(|key, done| match (done, self.done.get()) {
            (Some(done), _) => {
                self.done.get_or_init(|| DashMap::with_hasher(state)).insert(key, done);
            }
            (None, Some(known)) => drop(known.remove(&key)),
            (None, None) => {}
        });
        self.open.store(1, Ordering::Release);
    }

    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    fn withdraw(&self) {
        self.open.store(0, Ordering::Release);
    }

    fn take(&self, noted: &mut Vec<Noted<IdempotencyInput>>) {
        let replayed = self.replayed.take();
        if replayed > 0 {
            noted.push(Noted::now(IdempotencyInput::Replayed(replayed)));
        }
    }
}
