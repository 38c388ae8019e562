//! Gates: what an actor has granted in advance, where callers can take it without a message.
//!
//! ```text
//!               takes a grant                        counts what it came to
//!   caller --------------------> published words      -------------------> its thread's slot
//!                                      ^                                          |
//!                        publish, after every step                   take, before every input
//!                                      |                                          v
//!   caller --ask, report--> mailbox --> Host ------------------------------> machine
//! ```
//!
//! The actor decides, a gate only carries. What a gate holds was decided by the machine in its last step, and what
//! callers did with it reaches the machine before its next one: so a machine never decides without knowing all that
//! was done on its word, and nothing that a gate lets pass could have been refused by the machine as it stood when it
//! published.
//!
//! # The rules
//! * **A gate outlives its actor's incarnations.** It belongs to [`Hosted`](crate::host::Hosted), as the machine does:
//!   who takes a grant while the actor restarts notices nothing, and the restarted actor takes over what was counted.
//! * **Published after every step**, before anybody is answered: whoever got an answer meets a gate that knows it.
//! * **Taken before every input**, and before anything is written to the ledger: what one thread did in an order
//!   reaches the machine in that order. That is why grants on and off decide alike, call for call, on one thread.
//! * **Recalled** before every step, where a machine must not decide about what is out: what it granted and nobody took
//!   is its own again until it publishes.
//! * **Withdrawn** where the actor cannot decide for long: after a crash too many, and when it is stopped. Callers then
//!   ask, and get what `on_unavailable` says.
//! * **Nothing is lost.** A slot is read, never reset: it counts up, and the reader remembers how far it came. An
//!   increment is either seen now or next time, and never twice.
//! * **Epochs.** Whatever is counted says under which grant, by its epoch or generation, and a machine drops what comes
//!   from an older one.
//!
//! # Files
//! | file | what it holds |
//! |---|---|
//! | `cell` | atomics, or the model checker's in their place |
//! | `tally` | a count that belongs to an epoch |
//! | `permits` | permits, and whether somebody waits for one |
//! | `tokens` | tokens that are leased for one part of a window |
//! | `keyed` | such leases by key |
//! | `key_group` | the cells that they stand in |
//! | `pieces` | things by number, made by the piece |
//! | `journal` | what one thread writes down for the actor to read |
//! | `slots` | one cell for each thread, padded to cache lines |
//! | `count` | a count by thread, of what changes nobody's mind |
//! | `place` | which slot is this thread's |
//!
//! `place`, `slots` and `count` apart, they name nothing of this crate, so that the model checker can compile them by themselves:
//! `cargo test --release --manifest-path crates/actors/loom/Cargo.toml` goes through every interleaving.

#![cfg_attr(
    not(feature = "host"),
    allow(dead_code, unused_imports, reason = "without actors nobody takes what they grant")
)]

pub(crate) mod cell;
mod count;
mod journal;
mod key_group;
mod keyed;
mod permits;
mod pieces;
mod place;
mod slots;
mod tally;
mod tokens;

pub(crate) use count::Count;
pub(crate) use journal::Journal;
pub(crate) use key_group::Digest;
pub(crate) use keyed::{KeyCells, Seat};
pub(crate) use permits::{Back, Permits, Refused, Take};
#[cfg(test)]
pub(crate) use place::place;
pub(crate) use slots::{Cell, Padded, Slots};
pub(crate) use tally::{Tallies, Tally};
pub(crate) use tokens::{LAST_PART, Left, MOST_LEASED, Term, Tokens};

use crate::clock::Time;
use crate::machine::Machine;
use crate::settings::Grants;

/// What callers did without a message, on its way to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted<I> {
    /// Until when it had happened, where that may be earlier than now; it is never later than now for the machine.
    pub until: Time,
    /// What.
    pub input: I,
}

impl<I> Noted<I> {
    /// Something that happens when the machine hears of it.
    #[must_use]
    pub const fn now(input: I) -> Self {
        Noted { until: Time::MAX, input }
    }
}

/// What a machine is about to decide.
#[derive(Debug)]
pub enum Cause<'a, I> {
    /// What this means.
    Input(&'a I),
    /// What the passing of its deadline means.
    Deadline,
    /// What concerns all of it: other settings, a state from the disk or for it.
    All,
}

/// What one machine's actor grants in advance; `()` where it grants nothing.
///
/// The host calls [`end`](Gate::end), [`recall`](Gate::recall), [`publish`](Gate::publish) and [`withdraw`](Gate::withdraw) under the machine's
/// lock, and [`take`](Gate::take) under the ledger's: neither runs twice at once.
pub trait Gate<M: Machine>: Send + Sync + Sized + 'static {
    /// A gate through which nothing passes yet. `runtime` is what holds where `config` says nothing of its own.
    fn new(config: &M::Config, runtime: Grants) -> Self;

    /// Ends what was granted until a time that is over `now`; whether there was any. Who calls it reads the time again
    /// then: nothing of that is taken any later. It must not panic.
    fn end(&self, now: Time) -> bool {
        let _ = now;
        false
    }

    /// Takes back what the machine must know or have before it decides about `cause`; it is published again afterwards.
    /// `now` is the time of the step; `again` reads the clock. It must not panic.
    fn recall(&self, machine: &mut M, cause: Cause<'_, M::Input>, now: Time, again: &dyn Fn() -> Time) {
        let _ = (machine, cause, now, again);
    }

    /// Carries what the machine grants now. It must not panic, and it decides nothing: what and how much is granted,
    /// the machine says.
    fn publish(&self, machine: &mut M, now: Time);

    /// Carries nothing any more, until it is published again: callers ask.
    fn withdraw(&self);

    /// Something was written to the ledger that may change the machine's mind: what is granted may not hold any more until
    /// it is published again.
    fn unsettle(&self) {}

    /// The machine knows all that was written to the ledger: what holds only then is carried from now on. Called under the
    /// ledger's lock.
    fn settled(&self, machine: &M) {
        let _ = machine;
    }

    /// Whether somebody waits for what callers may have left in the ledger for the actor to find.
    fn is_awaited(&self) -> bool {
        false
    }

    /// Hands over what callers did since the last time, in an order in which each of them could have done it.
    fn take(&self, noted: &mut Vec<Noted<M::Input>>);
}

impl<M: Machine> Gate<M> for () {
    fn new(_: &M::Config, _: Grants) -> Self {}

    fn publish(&self, _: &mut M, _: Time) {}

    fn withdraw(&self) {}

    fn take(&self, _: &mut Vec<Noted<M::Input>>) {}
}
