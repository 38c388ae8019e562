use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::LimiterConfig;
use super::quota::Quota;
use super::saved::Saved;
use super::table::{Found, Key, Place, Table};
use super::usage::{Mark, Usage};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::{self, SnapshotError};

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
    },
    /// What was held for this ticket is spent for good.
    Settle(Ticket),
    /// What was held for this ticket is no longer needed: the call never came. Harmless where nothing is held.
    GiveBack(Ticket),
}

/// How a quota stands: what the `RateLimit` fields of an answer say, all of one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How much is left.
    pub remaining: u64,
    /// The most that can be left.
    pub limit: u64,
    /// In what time a quota that was used up is whole again.
    pub window: Duration,
    /// In what time more is left than now; zero where nothing is used.
    pub reset_after: Duration,
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
}

/// What a limiter publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStatus {
    /// Keys that have a place of their own.
    pub keys: usize,
    /// Grants that may still be given back.
    pub held: usize,
    /// Requests granted so far.
    pub granted: u64,
    /// Requests refused so far.
    pub refused: u64,
    /// Requests, out of both, of keys that found no place and shared the overflow quota.
    pub overflowed: u64,
}

/// A decision of a limiter.
#[derive(Debug)]
pub struct LimiterChange(Change);

#[derive(Debug)]
enum Change {
    Nothing,
    Look(Ticket, Decision),
    Grant { ticket: Ticket, found: Found, cost: u64, hold: bool },
    Refuse { ticket: Ticket, decision: Decision, retry_after: Option<Duration>, overflow: bool },
    Settle(Ticket),
    GiveBack(Ticket),
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
    granted: u64,
    refused: u64,
    overflowed: u64,
    overflow_said: bool,
}

impl LimiterMachine {
    fn standing(&self, usage: &Usage, now: Time) -> Decision {
        standing(&self.quota, usage, now)
    }

    fn check(&self, now: Time, ticket: Ticket, key: &str, cost: u64, hold: bool) -> Change {
        let found = self.table.find(Key::new(key), now);
        let usage = self.table.usage(&found, &self.quota, now);
        let decision = self.standing(&usage, now);
        let overflow = found == Found::Overflow;
        if cost == 0 {
            return Change::Look(ticket, decision);
        }
        if cost > self.quota.capacity() {
            return Change::Refuse { ticket, decision, retry_after: None, overflow };
        }
        let wait = now.until(usage.ready_at(&self.quota, now, cost));
        if wait.is_zero() {
            Change::Grant { ticket, found, cost, hold }
        } else {
            Change::Refuse { ticket, decision, retry_after: Some(wait), overflow }
        }
    }

    fn grant(&mut self, now: Time, ticket: Ticket, found: Found, cost: u64, hold: bool) -> Decision {
        let quota = self.quota;
        let place = self.table.place(found, &quota, now);
        let taken = self.table.update(place, &quota, |usage| {
            let mark = usage.take(&quota, now, cost, hold);
            (mark, standing(&quota, usage, now))
        });
        self.granted += 1;
        let (mark, decision) =
            taken.unwrap_or_else(|| (Mark(0), standing(&quota, self.table.overflow(), now)));
        if hold {
            let until = now.after(quota.window());
            self.held.insert(ticket, Held { place, mark, cost, until });
            self.held_by_end.insert((until, ticket));
        }
        for _ in 0..SETTLED_PER_GRANT {
            match self.held_by_end.first() {
                Some((until, ticket)) if *until <= now => self.settle(*ticket),
                _ => break,
            }
        }
        self.table.tidy(now);
        decision
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

    fn give_back(&mut self, now: Time, ticket: Ticket) {
        // After a whole window nobody may count on it any more.
        if let Some(held) = self.release(ticket).filter(|held| now < held.until) {
            let quota = self.quota;
            self.table.update(held.place, &quota, |usage| usage.give_back(&quota, held.mark, held.cost));
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
        reset_after: now.until(usage.more_at(quota, now)),
    }
}

impl Machine for LimiterMachine {
    type Config = LimiterConfig;
    type Input = LimiterInput;
    type Change = LimiterChange;
    type Reply = LimiterReply;
    type Status = LimiterStatus;

    fn new(config: LimiterConfig, moment: Moment) -> Self {
        let quota = config.quota.starting(moment);
        LimiterMachine {
            table: Table::new(&quota, config.max_keys),
            config,
            quota,
            held: BTreeMap::new(),
            held_by_end: BTreeSet::new(),
            granted: 0,
            refused: 0,
            overflowed: 0,
            overflow_said: false,
        }
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &LimiterInput) -> LimiterChange {
        LimiterChange(match (input, ticket) {
            (LimiterInput::Check { key, cost, hold }, Some(ticket)) => {
                self.check(moment.now, ticket, key, *cost, *hold)
            }
            // Nobody waits for an answer, so nobody passes on it.
            (LimiterInput::Check { .. }, None) => Change::Nothing,
            (LimiterInput::Settle(held), _) => Change::Settle(*held),
            (LimiterInput::GiveBack(held), _) => Change::GiveBack(*held),
        })
    }

    fn apply(&mut self, moment: Moment, change: LimiterChange, effects: &mut Effects<LimiterReply>) {
        let now = moment.now;
        match change.0 {
            Change::Nothing => {}
            Change::Look(ticket, decision) => effects.reply(ticket, LimiterReply::Granted(decision)),
            Change::Grant { ticket, found, cost, hold } => {
                let overflow = found == Found::Overflow;
                let decision = self.grant(now, ticket, found, cost, hold);
                self.note_overflow(overflow, now, effects);
                effects.reply(ticket, LimiterReply::Granted(decision));
            }
            Change::Refuse { ticket, decision, retry_after, overflow } => {
                self.refused += 1;
                self.note_overflow(overflow, now, effects);
                effects.reply(ticket, LimiterReply::Refused { decision, retry_after });
            }
            Change::Settle(ticket) => self.settle(ticket),
            Change::GiveBack(ticket) => self.give_back(now, ticket),
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _moment: Moment) -> LimiterChange {
        LimiterChange(Change::Nothing)
    }

    fn status(&self, _now: Time) -> LimiterStatus {
        LimiterStatus {
            keys: self.table.len(),
            held: self.held.len(),
            granted: self.granted,
            refused: self.refused,
            overflowed: self.overflowed,
        }
    }

    /// What is held at that time counts as spent: its grant was counted under other rules.
    fn reconfigure(&mut self, moment: Moment, config: LimiterConfig, _effects: &mut Effects<LimiterReply>) {
        let old = self.quota;
        let new = Quota { origin: old.origin, ..config.quota };
        let tickets: Vec<Ticket> = self.held.keys().copied().collect();
        for ticket in tickets {
            self.settle(ticket);
        }
        self.table.update_all(&new, |usage| usage.requota(moment.now, &old, &new));
        self.table.set_most(config.max_keys);
        self.quota = new;
        self.config = config;
    }

    fn snapshot(&self, moment: Moment) -> Vec<u8> {
        snapshot::encode(&Saved::new(&self.table, &self.quota, moment)).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = snapshot::decode(bytes)?;
        self.table = saved.into_table(&self.quota, self.config.max_keys, moment);
        self.held.clear();
        self.held_by_end.clear();
        Ok(())
    }

    fn key(input: &LimiterInput) -> Option<&str> {
        match input {
            LimiterInput::Check { key, .. } => Some(key),
            LimiterInput::Settle(_) | LimiterInput::GiveBack(_) => None,
        }
    }
}
