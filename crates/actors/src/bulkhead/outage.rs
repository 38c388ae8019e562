use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BulkheadInput, BulkheadMachine};
use crate::host::Hosted;
use crate::machine::Ticket;

/// An actor that is left alone reads nothing for a minute: what is noted for it must not grow without bound.
const MOST_NOTED: usize = 100_000;

/// What hands permits out while the actor cannot, of a pool that grants nothing in advance: no more than were free when
/// it published last.
///
/// Each is noted for the actor, which counts it before it grants the next one of its own.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Whether any was handed out; calls in health look at nothing else.
    on: AtomicBool,
    out: Mutex<BTreeMap<Ticket, u64>>,
}

impl Outage {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Ticket, u64>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit of `weight`, if that much is free.
    pub(super) fn take(&self, hosted: &Arc<Hosted<BulkheadMachine>>, weight: u64) -> Option<Ticket> {
        let mut out = self.lock();
        let status = hosted.status();
        let used = out.values().fold(status.in_use, |used, weight| used.saturating_add(*weight));
        let full = status.closed || used.saturating_add(weight) > status.capacity;
        if full || hosted.noted() >= MOST_NOTED {
            return None;
        }
        let ticket = hosted.ticket();
        self.on.store(true, Ordering::Release);
        out.insert(ticket, weight);
        hosted.note(BulkheadInput::Adopt { ticket, weight });
        Some(ticket)
    }

    /// A permit came back.
    pub(super) fn end(&self, ticket: Ticket) {
        if self.on.load(Ordering::Acquire) {
            self.lock().remove(&ticket);
        }
    }

    /// The actor decides again, and by now counts what was handed out.
    pub(super) fn over(&self) {
        if self.on.load(Ordering::Acquire) {
            let mut out = self.lock();
            out.clear();
            self.on.store(false, Ordering::Release);
        }
    }
}
