//! The breaker's gate.
//!
//! ```text
//!   closed         pass on one atomic load; a success is counted in the thread's slot
//!   closed,        a success could open it (failures enough, calls short of the minimum): pass, and report each
//!   slow start     ask: a place in flight is a lease
//!   open           refuse, with the time left; once that is over, ask
//!   half open      ask: a probe is a lease
//!   forced         refuse or pass; outcomes say nothing
//! ```
//!
//! # Why it lets nobody pass whom the machine would refuse
//! A caller passes only on a word that the machine published: closed, with no slow start, or forced closed. The machine
//! leaves that state by an input or by the edge of a bucket. Every input but a counted success is written to the ledger,
//! and the write sets the word's "unread" bit: until the actor has published again, callers ask. So on one thread nobody
//! passes on a word that an earlier input might have changed. Between threads, who read the word before the bit was set
//! passes, and so does who reads it in the instant between two inputs that the actor reads in a row: it is admitted in
//! the epoch that then ends, and its outcome says nothing in the next.
//!
//! # Why no counted success would have opened it
//! In a window of calls, one success more lets the share of failures or slow calls fall, or stay where it is. Only where
//! the calls are still short of `minimum_requests` can it open the breaker, and for as long as it could, the machine
//! grants `Report`. In a window of time shares also rise as old successes leave: at the edge of a bucket. So each word
//! holds for one bucket; at its edge the first success is reported, and the machine looks again. That is one clock read
//! for each success, in a window of time alone; nobody needs a timer for it, calls or none.
//!
//! # Why the window is exact
//! What was counted reaches the machine before every other input ([the gates' rules](crate::gate)): a failure meets all
//! successes that its thread counted before, and none that it counts later. In a window of calls successes carry no
//! order among themselves. In a window of time they are booked to the bucket whose word they were counted under,
//! however late they are read. Those of an older epoch are dropped there as here.
//!
//! # Why nothing is lost
//! An outcome that may matter is written before anything is waited for; a drop path writes and pokes, and needs no room
//! in a mailbox. A count is read, never reset. Neutral outcomes are not told at all: what was granted in advance holds no
//! place that they could give back.
//!
//! # Keys
//! A breaker with `by` asks for every call, whatever `grants` says. Its table of keys is bounded and gives up the key
//! that was used longest ago, which the actor knows from being asked; and a striped count for each of 10,000 keys would
//! cost more memory than the keys themselves.

use std::sync::{Arc, Mutex, PoisonError};

use super::cell::BreakerCell;
#[cfg(feature = "host")]
use super::cell::{Grant, Word};
use super::protocol::BreakerInput;
use super::{BreakerConfig, KeyedBreakerMachine, KeyedInput, Span};
#[cfg(feature = "host")]
use crate::clock::Clock;
use crate::clock::Time;
#[cfg(feature = "host")]
use crate::gate::Cell;
use crate::gate::{Gate, Noted, Slots, Tallies, Tally};
use crate::settings::Grants;

/// What a breaker grants in advance. Padded as a whole: all callers read its words, what lies beside it is written, and
/// what the actor writes of it, it writes where it publishes.
#[derive(Debug)]
#[repr(align(128))]
pub struct BreakerGate {
    on: bool,
    /// Whether what is counted belongs to a bucket.
    timed: bool,
    cell: BreakerCell,
    successes: Slots<Tally>,
    read: Mutex<Tallies>,
}

impl Gate<KeyedBreakerMachine> for BreakerGate {
    fn new(config: &Arc<BreakerConfig>, runtime: Grants) -> Self {
        BreakerGate {
            on: config.grants().unwrap_or(runtime) == Grants::On && config.by().is_none(),
            timed: matches!(config.window(), Span::Time(_)),
            cell: BreakerCell::default(),
            successes: Slots::default(),
            read: Mutex::default(),
        }
    }

    fn publish(&self, machine: &mut KeyedBreakerMachine, now: Time) {
        if self.on {
            let (grant, epoch, until) = machine.granted(now);
            self.cell.publish(grant, epoch, until.as_nanos());
        }
    }

    fn withdraw(&self) {
        self.cell.withdraw();
    }

    fn unsettle(&self) {
        if self.on {
            self.cell.unsettle();
        }
    }

    fn take(&self, noted: &mut Vec<Noted<KeyedInput>>) {
        if !self.on {
            return;
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((epoch, successes)) = read.take(self.successes.all()) else { return };
        let until =
            if self.timed { Time::from_nanos(self.cell.until().saturating_sub(1)) } else { Time::MAX };
        let input = KeyedInput { key: None, input: BreakerInput::Counted { epoch, successes } };
        noted.push(Noted { until, input });
    }
}

/// How a call through a gate stands.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It passes on this word.
    Pass(Word),
    /// It passes, and nobody wants to hear how it ends.
    Unheard,
    /// It is refused until then.
    Refused(Time),
    /// It is refused until further orders.
    RefusedByOrder,
    /// The actor has to be asked.
    Ask,
}

/// What is to be done with a success.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// Nothing: it is counted, or says nothing any more.
    Done,
    /// It is counted, and the actor should look at what has been.
    Poke,
    /// It has to be reported.
    Report,
}

#[cfg(feature = "host")]
impl BreakerGate {
    /// How a call stands now, in a word.
    #[inline]
    pub(super) fn word(&self) -> Word {
        self.cell.word()
    }

    /// The time that goes with a word that was read before.
    #[inline]
    pub(super) fn until(&self) -> Time {
        Time::from_nanos(self.cell.until())
    }

    /// How a call stands now.
    pub(super) fn passage(&self) -> Passage {
        let word = self.cell.word();
        match word.grant() {
            Grant::Count | Grant::Report => Passage::Pass(word),
            Grant::Ask => Passage::Ask,
            Grant::Refuse => Passage::Refused(self.until()),
            Grant::RefuseAll => Passage::RefusedByOrder,
            Grant::PassAll => Passage::Unheard,
        }
    }

    /// Counts a success of a call that passed on `granted`, where nothing was published since, nothing is unread, no time has
    /// to be looked at, and this thread has counted here before; else [`succeeded`](BreakerGate::succeeded) finds out. Says whether the actor should look at
    /// what has been counted.
    #[inline]
    pub(super) fn count_at_once(&self, granted: Word) -> Option<bool> {
        if !granted.counts() || self.timed || self.cell.word() != granted {
            return None;
        }
        Some(self.successes.own_at_once()?.count_alone(lower_half(granted)))
    }

    /// Counts a success of a call that passed on `granted`. The clock is read where the window is one of time alone.
    pub(super) fn succeeded(&self, granted: Word, clock: &Clock) -> Success {
        let present = self.cell.word();
        if present.epoch() != granted.epoch() {
            return Success::Done;
        }
        let is_over = || self.timed && clock.now().as_nanos() >= self.cell.until();
        if !present.counts() || is_over() {
            return Success::Report;
        }
        if self.count(granted) { Success::Poke } else { Success::Done }
    }

    fn count(&self, granted: Word) -> bool {
        match self.successes.own() {
            Cell::Own(tally) => tally.count_alone(lower_half(granted)),
            Cell::Shared(tally) => tally.count_shared(lower_half(granted)),
        }
    }
}

/// What a tally holds of an epoch.
#[cfg(feature = "host")]
#[inline]
fn lower_half(granted: Word) -> u32 {
    (granted.epoch() & u64::from(u32::MAX)) as u32
}
