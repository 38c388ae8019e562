use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::LimiterConfig;
use super::lease::Parts;
use super::line::{Lines, MOST_WAITING, Waiter};
use super::quota::Quota;
use super::saved::Saved;
use super::table::{Found, Place, Table};
use super::usage::{Mark, Usage};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::{self, SnapshotError};

mod advance;

#[cfg(feature = "host")]
pub(super) use advance::Unsure;

/// What can happen to a limiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimiterInput {
    /// A caller wants to pass.
    Check {
        /// Whose quota; the empty text where all callers share one.
        key: String,
        /// How much of it; zero looks at the quota and spends nothing.
        cost: u64,
        /// Whether what is granted may still be given back, by the ticket of this request.
        hold: bool,
        /// How long it would wait for its turn, at most `max_wait`; zero where it would not.
        patience: Duration,
    },
    /// What was held for this ticket is spent for good.
    Settle(Ticket),
    /// This ticket is no longer needed: it leaves the line, or what is held for it is as if it had never been taken.
    /// Harmless where there is neither.
    GiveBack(Ticket),
    /// One that was taken in advance of any message is as if it had never been: what it was leased for may be over.
    Return {
        /// Whose quota.
        key: String,
        /// The number of the part of the window for which it was leased, as the gate tells it.
        part: u32,
    },
    /// So many were refused without a message.
    Refused(u64),
}

/// How a quota stands: what the `RateLimit` fields of an answer say, all of one policy.
// In this order its half words lie beside no pointer of a refusal, in whose place it is returned: where they do, a refusal is
// written by halves, and the processor is held up when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Decision {
    /// How much is left.
    pub remaining: u64,
    /// The most that can be left.
    pub limit: u64,
    /// In what time a quota that was used up is whole again.
    pub window: Duration,
    /// When more is left than now; a time that is over where nothing is used.
    pub more_at: Time,
}

impl Decision {
    /// In what time more is left than now; zero where nothing is used.
    #[must_use]
    pub fn reset_after(&self, now: Time) -> Duration {
        now.until(self.more_at)
    }
}

/// A limiter's answer to [`LimiterInput::Check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimiterReply {
    /// Pass; the quota stands like this afterwards.
    Granted(Decision),
    /// Refused; nothing was spent.
    Refused {
        /// How the quota stands.
        decision: Decision,
        /// After which time the same request is let in if nobody else spends anything; `None` where it costs more
        /// than the limiter ever grants at once.
        retry_after: Option<Duration>,
    },
    /// It waits for its turn; a second answer follows. What is then granted is held, whether it asked for that or
    /// not, since its caller may be gone: it is to be settled by whoever receives it.
    Queued {
        /// When its turn comes, as things stand.
        expected: Duration,
    },
}

/// What a limiter publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStatus {
    /// Keys that have a place of their own.
    pub keys: usize,
    /// Grants that may still be given back.
    pub held: usize,
    /// Callers that wait for their turn.
    pub waiting: usize,
    /// Requests granted so far.
    pub granted: u64,
    /// Requests refused so far.
    pub refused: u64,
    /// Requests, out of both, of keys that found no place and shared the overflow quota.
    pub overflowed: u64,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    key: &'a str,
    cost: u64,
    hold: bool,
    patience: Duration,
}

/// A decision of a limiter.
#[derive(Debug)]
pub struct LimiterChange(Change);

#[derive(Debug)]
enum Change {
    Nothing,
    Look(Ticket, Decision),
    Grant {
        ticket: Ticket,
        found: Found,
        cost: u64,
        hold: bool,
    },
    Refuse {
        ticket: Ticket,
        decision: Decision,
        retry_after: Option<Duration>,
        place: Option<Place>,
        overflow: bool,
    },
    Wait {
        found: Found,
        waiter: Waiter,
        expected: Duration,
    },
    Settle(Ticket),
    GiveBack(Ticket),
    Return(Place, u64),
    Refused(u64),
    Wake,
}

/// A grant that may still be given back.
#[derive(Clone, Copy, Debug)]
struct Held {
    place: Place,
    mark: Mark,
    cost: u64,
    until: Time,
}

/// Holds that are over and are dropped with one grant, so that lost ones never pile up.
const SETTLED_PER_GRANT: usize = 2;

/// The rate limiter as a pure machine.
#[derive(Debug)]
pub struct LimiterMachine {
    config: LimiterConfig,
    quota: Quota,
    table: Table,
    held: BTreeMap<Ticket, Held>,
    held_by_end: BTreeSet<(Time, Ticket)>,
    lines: Lines,
    granted: u64,
    refused: u64,
    overflowed: u64,
    overflow_said: bool,
    parts: Parts,
    /// The key that was asked for last, if it has a place of its own: what is left of it may be offered in advance.
    asked: Option<Place>,
    /// Where the key that was looked for last stands, who is looked for next being mostly the same.
    near: Option<Place>,
    /// The key whose lease was taken back last in this step, and where the gate has a cell for it.
    taken_back_at: Option<(Place, u32)>,
    /// Tells keys apart where only a digest of them is kept; nobody outside can foresee it.
    secret: u64,
}

impl LimiterMachine {
    fn check(&self, now: Time, ticket: Ticket, input: &Wanted<'_>) -> Change {
        let Wanted { key, cost, hold, patience } = *input;
        let found = self.table.find(key, self.near, now);
        let usage = self.table.usage(&found, &self.quota, now);
        let decision = standing(&self.quota, &usage, now);
        let overflow = found == Found::Overflow;
        let place = found.place();
        if cost == 0 {
            return Change::Look(ticket, decision);
        }
        if cost > self.quota.capacity() {
            return Change::Refuse { ticket, decision, retry_after: None, place, overflow };
        }
        let behind = place.and_then(|place| self.lines.ready_at(place, &self.quota, now, cost));
        let ready = behind.unwrap_or_else(|| usage.ready_at(&self.quota, now, cost));
        // Nobody overtakes a line, not even where its turn has come and only the timer is late.
        if behind.is_none() && ready <= now {
            return Change::Grant { ticket, found, cost, hold };
        }
        let wait = now.until(ready).max(Duration::from_nanos(1));
        let patience = patience.min(self.config.max_wait.unwrap_or_default());
        // Nobody waits for the shared quota: a key that found a place meanwhile would be granted there and in the
        // line, twice its quota.
        if wait <= patience && !overflow && self.lines.waiting() < MOST_WAITING {
            let waiter = Waiter { ticket, cost, give_up: now.after(patience) };
            return Change::Wait { found, waiter, expected: wait };
        }
        Change::Refuse { ticket, decision, retry_after: Some(wait), place, overflow }
    }

    fn grant(&mut self, now: Time, ticket: Ticket, place: Place, cost: u64, hold: bool) -> Decision {
        let quota = self.quota;
        let place = self.table.live(place);
        let mark = self.table.update(place, &quota, |usage| usage.take(&quota, now, cost, hold));
        self.granted += 1;
        if let Some(mark) = mark.filter(|_| hold) {
            let until = quota.given_back_until(now);
            self.held.insert(ticket, Held { place, mark, cost, until });
            self.held_by_end.insert((until, ticket));
        }
        for _ in 0..SETTLED_PER_GRANT {
            match self.held_by_end.first() {
                Some((until, ticket)) if *until <= now => self.settle(*ticket),
                _ => break,
            }
        }
        standing(&quota, self.table.get(place), now)
    }

    fn wait(&mut self, now: Time, found: Found, waiter: Waiter) {
        let place = self.table.place(found, &self.quota, now);
        self.table.pin(place, &self.quota, true);
        self.lines.join(place, self.table.get(place), &self.quota, now, waiter);
    }

    /// Grants all whose turn has come at `place`. `changed` says that its usage or its line is not what was planned.
    fn serve(&mut self, now: Time, place: Place, changed: bool, effects: &mut Effects<LimiterReply>) {
        let quota = self.quota;
        let planned = !changed && self.lines.wake(place) == Some(now);
        while let Some(first) = self.lines.next(place, self.table.get(place), &quota, now) {
            let decision = self.grant(now, first.ticket, place, first.cost, true);
            effects.reply(first.ticket, LimiterReply::Granted(decision));
        }
        let usage = self.table.get(place);
        if planned {
            self.lines.advance(place, usage, &quota, now);
        } else {
            let decision = standing(&quota, usage, now);
            for (ticket, retry_after) in self.lines.replan(place, usage, &quota, now) {
                self.refused += 1;
                effects.reply(ticket, LimiterReply::Refused { decision, retry_after });
            }
        }
        if !self.lines.has(place) {
            self.table.pin(place, &quota, false);
        }
    }

    fn release(&mut self, ticket: Ticket) -> Option<Held> {
        let held = self.held.remove(&ticket)?;
        self.held_by_end.remove(&(held.until, ticket));
        Some(held)
    }

    fn settle(&mut self, ticket: Ticket) {
        if let Some(held) = self.release(ticket) {
            let quota = self.quota;
            self.table.update(held.place, &quota, |usage| usage.settle(&quota, held.mark));
        }
    }

    fn give_back(&mut self, now: Time, ticket: Ticket, effects: &mut Effects<LimiterReply>) {
        if let Some(place) = self.lines.leave(ticket) {
            return self.serve(now, place, true, effects);
        }
        // Once it has left the window nobody may count on it any more.
        if let Some(held) = self.release(ticket).filter(|held| now < held.until) {
            let quota = self.quota;
            self.table.update(held.place, &quota, |usage| usage.give_back(&quota, held.mark, held.cost));
            if self.lines.has(held.place) {
                self.serve(now, held.place, true, effects);
            }
        }
    }

    fn note_overflow(&mut self, overflow: bool, now: Time, effects: &mut Effects<LimiterReply>) {
        if overflow {
            self.overflowed += 1;
            if !self.overflow_said {
                self.overflow_said = true;
                let keys = self.table.len();
                effects.happened(Happening::Notice {
                    text: format!(
                        "all {keys} keys are in use; new keys share one quota until one is whole again"
                    ),
                });
            }
        } else if self.overflow_said && self.table.overflow().whole_at(&self.quota) <= now {
            self.overflow_said = false;
        }
    }
}

fn standing(quota: &Quota, usage: &Usage, now: Time) -> Decision {
    Decision {
        remaining: usage.remaining(quota, now),
        limit: quota.capacity(),
        window: quota.window(),
        more_at: usage.more_at(quota, now),
    }
}

impl Machine for LimiterMachine {
    type Config = LimiterConfig;
    type Input = LimiterInput;
    type Change = LimiterChange;
    type Reply = LimiterReply;
    type Status = LimiterStatus;
    #[cfg(feature = "host")]
    type Gate = super::LimiterGate;
    #[cfg(not(feature = "host"))]
    type Gate = ();

    fn new(config: LimiterConfig, moment: Moment) -> Self {
        let quota = config.quota.starting(moment);
        LimiterMachine {
            table: Table::new(&quota, config.max_keys, moment.random),
            config,
            quota,
            held: BTreeMap::new(),
            held_by_end: BTreeSet::new(),
            lines: Lines::default(),
            granted: 0,
            refused: 0,
            overflowed: 0,
            overflow_said: false,
            parts: Parts::default(),
            asked: None,
            near: None,
            taken_back_at: None,
            secret: moment.random,
        }
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &LimiterInput) -> LimiterChange {
        LimiterChange(match (input, ticket) {
            (LimiterInput::Check { key, cost, hold, patience }, Some(ticket)) => {
                let wanted = Wanted { key, cost: *cost, hold: *hold, patience: *patience };
                self.check(moment.now, ticket, &wanted)
            }
            // Nobody waits for an answer, so nobody passes on it.
            (LimiterInput::Check { .. }, None) => Change::Nothing,
            (LimiterInput::Settle(held), _) => Change::Settle(*held),
            (LimiterInput::GiveBack(held), _) => Change::GiveBack(*held),
            (LimiterInput::Return { key, part }, _) => self.returning(moment.now, key, *part),
            (LimiterInput::Refused(number), _) => Change::Refused(*number),
        })
    }

    fn apply(&mut self, moment: Moment, change: LimiterChange, effects: &mut Effects<LimiterReply>) {
        let now = moment.now;
        self.asked = None;
        match change.0 {
            Change::Nothing => {}
            Change::Look(ticket, decision) => effects.reply(ticket, LimiterReply::Granted(decision)),
            Change::Grant { ticket, found, cost, hold } => {
                let overflow = found == Found::Overflow;
                let place = self.table.place(found, &self.quota, now);
                let decision = self.grant(now, ticket, place, cost, hold);
                self.asked = Some(place);
                self.table.tidy(now);
                self.note_overflow(overflow, now, effects);
                effects.reply(ticket, LimiterReply::Granted(decision));
            }
            Change::Refuse { ticket, decision, retry_after, place, overflow } => {
                self.refused += 1;
                self.asked = place;
                self.note_overflow(overflow, now, effects);
                effects.reply(ticket, LimiterReply::Refused { decision, retry_after });
            }
            // Its lease was taken back to learn what was spent of it, and is given out again.
            Change::Settle(ticket) => {
                self.asked = self.held.get(&ticket).map(|held| held.place);
                self.settle(ticket);
            }
            Change::GiveBack(ticket) => {
                self.asked = self.held.get(&ticket).map(|held| held.place);
                self.give_back(now, ticket, effects);
            }
            Change::Return(place, part) => {
                self.asked = Some(place);
                self.give_back_of_part(place, part, 1);
                if self.lines.has(place) {
                    self.serve(now, place, true, effects);
                }
            }
            Change::Refused(number) => self.refused += number,
            Change::Wait { found, waiter, expected } => {
                self.wait(now, found, waiter);
                effects.reply_and_hold(waiter.ticket, LimiterReply::Queued { expected });
            }
            Change::Wake => {
                self.parts.look(&self.quota, now);
                while let Some(place) = self.lines.due(now) {
                    self.serve(now, place, false, effects);
                }
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.lines.deadline().into_iter().chain(self.parts.deadline()).min()
    }

    fn expire(&self, _moment: Moment) -> LimiterChange {
        LimiterChange(Change::Wake)
    }

    fn status(&self, _now: Time) -> LimiterStatus {
        LimiterStatus {
            keys: self.table.len(),
            held: self.held.len(),
            waiting: self.lines.waiting(),
            granted: self.granted,
            refused: self.refused,
            overflowed: self.overflowed,
        }
    }

    fn describe(status: &LimiterStatus) -> String {
        let LimiterStatus { keys, waiting, granted, refused, overflowed, .. } = status;
        let overflow = match overflowed {
            0 => String::new(),
            some => format!(", {some} of them without a place of their own"),
        };
        format!("{keys} keys, {waiting} waiting; {granted} granted and {refused} refused{overflow}")
    }

    /// What is held at that time counts as spent: its grant was counted under other rules.
    fn reconfigure(&mut self, moment: Moment, config: LimiterConfig, effects: &mut Effects<LimiterReply>) {
        let old = self.quota;
        let new = Quota { origin: old.origin, ..config.quota };
        let tickets: Vec<Ticket> = self.held.keys().copied().collect();
        for ticket in tickets {
            self.settle(ticket);
        }
        self.table.update_all(&new, |usage| usage.requota(moment.now, &old, &new));
        self.table.set_most(config.max_keys);
        self.parts.forget();
        self.quota = new;
        self.config = config;
        for place in self.lines.places() {
            self.serve(moment.now, place, true, effects);
        }
    }

    fn snapshot(&self, moment: Moment) -> Vec<u8> {
        snapshot::encode(&Saved::new(&self.table, &self.quota, moment)).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = snapshot::decode(bytes)?;
        self.table = saved.into_table(&self.quota, self.config.max_keys, self.secret, moment);
        self.held.clear();
        self.held_by_end.clear();
        self.lines = Lines::default();
        Ok(())
    }

    fn key(input: &LimiterInput) -> Option<Cow<'_, str>> {
        match input {
            LimiterInput::Check { key, .. } => Some(Cow::Borrowed(key)),
            // What is noted has no answer: a key that must not be asked for may still give back.
            LimiterInput::Settle(_)
            | LimiterInput::GiveBack(_)
            | LimiterInput::Return { .. }
            | LimiterInput::Refused(_) => None,
        }
    }
}
