//! The contract of every primitive: a pure state machine.
//!
//! ```text
//!   decide(&self, moment, input) -> Change        may look, may even panic: nothing has happened yet
//!   apply(&mut self, moment, change, effects)     may only do what cannot fail
//! ```
//!
//! The split is what makes a machine panic-atomic: a panic while it decides leaves it as it was, so its actor goes on
//! with the same state, and only the input that caused the panic is lost.
//!
//! # The drain rule
//! After every call of `apply` the host takes all [`Effects`], then asks for the [`deadline`](Machine::deadline). When
//! that time comes, the host calls [`expire`](Machine::expire) and applies what it returns, again and again while the
//! deadline is over. A machine must therefore move its deadline each time it expires.

mod kind;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use kind::Kind;

use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::gate::Gate;

/// The number of one request to one actor; also the number of the permit, probe or lease that it is granted.
///
/// A caller chooses it before it asks. So it can give back what it was granted even if it never saw the answer: one
/// input, "ticket 17 is no longer needed", covers waiting, granted and unknown alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// A pure state machine; see the module's documentation.
pub trait Machine: Send + Sized + 'static {
    /// Checked settings.
    type Config: Clone + Send + Sync + 'static;
    /// What can happen to it.
    type Input: Send + 'static;
    /// A decision that was taken and not yet carried out.
    type Change;
    /// An answer to a caller.
    type Reply: Send + 'static;
    /// What its actor publishes for callers and operators to read without a message.
    type Status: Clone + std::fmt::Debug + Send + Sync + 'static;
    /// What its host keeps for callers who need no message; `()` where each of them sends one. The machine itself never
    /// looks at it.
    type Gate: Gate<Self>;

    /// A new machine.
    fn new(config: Self::Config, moment: Moment) -> Self;

    /// Whether one with these settings may ever use the random number of a moment, at its beginning or later: for whom does
    /// not, none is made, and it finds zero.
    fn draws(config: &Self::Config) -> bool {
        let _ = config;
        true
    }

    /// Takes a decision. Must not panic by design; if it does, nothing has changed.
    ///
    /// `ticket` is the caller's; inputs that nobody waits for have none.
    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &Self::Input) -> Self::Change;

    /// Carries a decision out. Must not be able to fail.
    fn apply(&mut self, moment: Moment, change: Self::Change, effects: &mut Effects<Self::Reply>);

    /// When the machine next wants [`expire`](Machine::expire) to be called; `None` while it waits for nothing.
    fn deadline(&self) -> Option<Time>;

    /// Decides what the passing of its deadline means.
    fn expire(&self, moment: Moment) -> Self::Change;

    /// Acts on every deadline that has passed. Whoever drives a machine does so before each decision: what should have
    /// happened by now must have happened.
    fn catch_up(&mut self, moment: Moment, effects: &mut Effects<Self::Reply>) {
        while self.deadline().is_some_and(|deadline| deadline <= moment.now) {
            let change = self.expire(moment);
            self.apply(moment, change, effects);
        }
    }

    /// One whole step: catches up, decides and carries that out.
    fn step(
        &mut self,
        moment: Moment,
        ticket: Option<Ticket>,
        input: &Self::Input,
        effects: &mut Effects<Self::Reply>,
    ) {
        self.catch_up(moment, effects);
        let change = self.decide(moment, ticket, input);
        self.apply(moment, change, effects);
    }

    /// What to publish now.
    fn status(&self, now: Time) -> Self::Status;

    /// A status in a few words, for operators.
    fn describe(status: &Self::Status) -> String {
        format!("{status:?}")
    }

    /// Takes new settings while it runs: nothing held is taken away, nothing spent is refilled.
    fn reconfigure(&mut self, moment: Moment, config: Self::Config, effects: &mut Effects<Self::Reply>);

    /// State for the disk: what is LEFT and wall times, never monotonic times, permits or probes.
    fn snapshot(&self, moment: Moment) -> Vec<u8>;

    /// The same in two halves, for a state that is large: what is done here holds up the actor, what is returned does
    /// not.
    fn snapshot_later(&self, moment: Moment) -> Box<dyn FnOnce() -> Vec<u8> + Send> {
        let bytes = self.snapshot(moment);
        Box::new(move || bytes)
    }

    /// Takes over a state from the disk, written by an earlier process.
    ///
    /// # Errors
    /// Where the bytes cannot be read; the machine is then as it was.
    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), crate::snapshot::SnapshotError>;

    /// The key that `input` concerns, where a machine has many; a key whose input panics is quarantined alone.
    fn key(input: &Self::Input) -> Option<Cow<'_, str>> {
        let _ = input;
        None
    }
}

/// What a machine wants done: answers and a record of what happened. Collected, then drained by the host.
#[derive(Debug)]
pub struct Effects<R> {
    /// Most steps answer one caller: that takes no allocation.
    first: Option<Answer<R>>,
    replies: Vec<Answer<R>>,
    happenings: Vec<Happening>,
    drew: bool,
}

/// One answer to one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<R> {
    /// Whose request is answered.
    pub ticket: Ticket,
    /// The answer.
    pub reply: R,
    /// Whether a second answer follows: the caller was queued.
    pub more: bool,
    /// Until when it waits for that in line at most, where that is all that this answer says: whoever only wants to know
    /// what becomes of it in the end is not woken.
    pub until: Option<Time>,
}

impl<R> Default for Effects<R> {
    fn default() -> Self {
        Effects { first: None, replies: Vec::new(), happenings: Vec::new(), drew: false }
    }
}

impl<R> Effects<R> {
    /// Answers a caller for good.
    pub fn reply(&mut self, ticket: Ticket, reply: R) {
        self.answer(Answer { ticket, reply, more: false, until: None });
    }

    /// Answers a caller that will get a second answer later, as when it was put into a queue.
    pub fn reply_and_hold(&mut self, ticket: Ticket, reply: R) {
        self.answer(Answer { ticket, reply, more: true, until: None });
    }

    /// The same where `reply` only says that the caller is in line, until this time at most.
    pub fn reply_in_line(&mut self, ticket: Ticket, reply: R, until: Time) {
        self.answer(Answer { ticket, reply, more: true, until: Some(until) });
    }

    fn answer(&mut self, answer: Answer<R>) {
        if self.first.is_none() && self.replies.is_empty() {
            self.first = Some(answer);
        } else {
            self.replies.push(answer);
        }
    }

    /// Notes what happened, for the event stream.
    pub fn happened(&mut self, happening: Happening) {
        self.happenings.push(happening);
    }

    /// Says that the moment's random number was used: the next moment has another.
    pub fn drew(&mut self) {
        self.drew = true;
    }

    /// Takes whether the moment's random number was used.
    pub fn take_drew(&mut self) -> bool {
        std::mem::take(&mut self.drew)
    }

    /// Takes the answers, in order.
    pub fn take_replies(&mut self) -> Vec<Answer<R>> {
        let mut replies = Vec::new();
        self.drain_replies(|answer| replies.push(answer));
        replies
    }

    /// Hands over the answers, in order.
    pub(crate) fn drain_replies(&mut self, mut take: impl FnMut(Answer<R>)) {
        if let Some(first) = self.first.take() {
            take(first);
        }
        std::mem::take(&mut self.replies).into_iter().for_each(take);
    }

    /// Takes what happened, in order.
    pub fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }
}
