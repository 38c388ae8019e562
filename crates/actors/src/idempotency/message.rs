use std::sync::Arc;
use std::time::Duration;

use super::config::Terms;
use super::key::{Fingerprint, RecordKey};
use crate::clock::{Time, WallTime};
use crate::machine::Ticket;
use crate::rejection::ConflictReason;

/// What can happen to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyInput {
    /// A call wants to run. Its ticket becomes the run's owner, if it may.
    Begin {
        /// Whose record.
        key: RecordKey,
        /// What the call asks for; the same bytes for all calls where nothing is to be compared.
        fingerprint: Fingerprint,
        /// What the record is to be kept by.
        terms: Terms,
        /// How long it would wait for a run that is in flight; `None` where it would not.
        wait: Option<Time>,
    },
    /// The owner still runs.
    Renew(Ticket),
    /// The owner is done.
    Complete {
        /// The owner.
        ticket: Ticket,
        /// What a repeat is to get; `None` where it can't be kept, as when it was streamed.
        result: Option<Arc<[u8]>>,
        /// When, where that may be earlier than now.
        at: Option<WallTime>,
    },
    /// The owner's handler decided that nothing happened: it returned an error.
    Release(Ticket),
    /// The owner was cut: whether it took effect is unknown.
    Cut {
        /// The owner.
        ticket: Ticket,
        /// What cut it, for operators; as in "its timeout cut it".
        why: &'static str,
        /// When, where that may be earlier than now.
        at: Option<WallTime>,
    },
    /// This ticket is no longer needed: its call leaves the line; a run, whose handler was never polled, is as if it had
    /// never come. Harmless where there is neither.
    GiveBack(Ticket),
    /// An operator found out what became of a record whose outcome is unknown.
    Resolve {
        /// Whose record.
        key: RecordKey,
        /// What became of it.
        resolution: Resolution,
    },
    /// So many results were replayed without a message.
    Replayed(u64),
    /// An operator gives a key free whose result, or unknown outcome, is of no use any more. A run in flight keeps it.
    Forget {
        /// Whose record.
        key: RecordKey,
    },
}

/// What an operator found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It took effect; a repeat gets this result, or is told that it is done.
    TookEffect(Option<Arc<[u8]>>),
    /// It did not: a repeat runs.
    DidNot,
}

/// A store's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyReply {
    /// Run; the ticket holds a lease.
    Run,
    /// It was done before, with this result.
    Replay(Arc<[u8]>),
    /// It waits for the one that runs; a second answer follows.
    Waiting,
    /// It must not run, and there is nothing to replay.
    Refused(ConflictReason, Option<Duration>),
    /// There is no room for a further record; after this time there may be.
    TableFull(Option<Duration>),
    /// Whether there was anything to resolve or to forget.
    Resolved(bool),
}

/// What a store publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyStatus {
    /// Records that take room; some may be over and not cleared yet.
    pub records: usize,
    /// Runs in flight.
    pub in_flight: usize,
    /// Records whose outcome is unknown.
    pub unknown: usize,
    /// Calls that wait for a run.
    pub waiting: usize,
    /// Runs that were let in so far.
    pub runs: u64,
    /// Results that were replayed so far.
    pub replayed: u64,
    /// Calls that were refused so far.
    pub refused: u64,
    /// Calls, out of these, that found no room.
    pub full: u64,
}
