//! Ends that are waited for and hardly ever reached.
//!
//! For calls, for questions to actors and for their own deadlines. tokio's timers are exact to a millisecond, and arming and dropping one costs as much as a whole call: it goes into a
//! wheel that all threads share, and out again. Of a call's ends nearly all are taken back. So what is taken back stays
//! where it lies, and costs nothing more:
//!
//! ```text
//!  call ---- arms: writes when it ends ----> Entry <---- slot of the table, at that end or before it
//!       ---- disarms: writes that it is idle --^             |
//!                                                            | its millisecond comes
//!          ends by now: fired, its task is woken <---- the driver ----> ends later: lies there from now on
//!                                                            |
//!                                                            +--------> idle: lies nowhere
//! ```
//!
//! A call's entry goes with the call's place, which is used again: in a steady state arming it is two stores, and one
//! task of the runtime moves each entry once in the time that it is armed for.
//!
//! | rule | why |
//! |---|---|
//! | never early | a slot is the first whole millisecond that is not before the end |
//! | late by 2 ms at most, but for what holds the scheduler up | one of the slot, one of the driver's own timer |
//! | no timer while nothing lies in the table | the driver then waits to be poked |
//! | who arms never waits for who fires | it takes the table's lock only to lie nearer than it does |
//! | only where the clock is [fast](Clock::fast) | simulated time is exact, and stays with tokio's timers |
//!
//! No entry is lost between who arms and the driver: each first writes what the other one reads, the end and where the
//! entry lies, and then reads what the other one writes (both in one order of all, `SeqCst`). So either the driver sees
//! the new end and puts the entry there, or who arms sees that it lies nowhere and does it.

mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::{Clock, Time};
use table::{Came, Entry, Table};

/// A runtime's table of ends; its driver goes with it.
#[derive(Debug)]
pub struct Timers(Arc<Table>);

impl Timers {
    /// A table whose driver lives on `tokio`, from when anything first lies in it.
    #[must_use]
    pub fn new(tokio: Handle, clock: Arc<Clock>) -> Self {
        Timers(Arc::new(Table::new(tokio, clock)))
    }

    /// A timer that is not armed.
    #[must_use]
    pub fn timer(&self) -> Timer {
        Timer { entry: self.0.unused(), table: Arc::clone(&self.0) }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a wait for an end comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over.
    InTime,
    /// Nobody fires it any more: the driver's tokio runtime has ended.
    Undriven,
}

/// One end at a time, used again.
///
/// # Cancel safety
/// What is armed and not wanted any more has to be [disarmed](Timer::disarm), or its task is woken for nothing.
#[derive(Debug)]
pub struct Timer {
    entry: Arc<Entry>,
    table: Arc<Table>,
}

impl Timer {
    /// Lets the task be woken at `ends`.
    #[inline]
    pub fn arm(&self, ends: Time, context: &Context<'_>) {
        if self.entry.arm(ends, context.waker()) {
            self.table.insert(&self.entry, ends);
        }
    }

    /// Ready once its end is over; armed again by another task, it wakes that one.
    #[inline]
    pub fn poll(&self, context: &Context<'_>) -> Poll<Ended> {
        match self.entry.look(context.waker()) {
            Came::Nothing => Poll::Pending,
            Came::Fired => Poll::Ready(Ended::InTime),
            Came::Undriven => Poll::Ready(Ended::Undriven),
        }
    }

    /// Takes its end back. Its last waker stays until it is armed by another task, or its slot comes.
    #[inline]
    pub fn disarm(&self) {
        self.entry.disarm();
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.table.take_back(&self.entry);
    }
}
