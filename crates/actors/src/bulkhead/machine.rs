use std::collections::BTreeSet;
use std::time::Duration;

use super::held::Holders;
use super::line::{Expired, Line, OLDEST_WAITS, Waiter};
use super::{BulkheadConfig, BulkheadGate, PoolKind, Priority};
use crate::adaptive::concurrency::{Ended, Limit, Sample};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::rejection::FullReason;
use crate::settings::{Grants, Mode};
use crate::snapshot::SnapshotError;

/// What a caller wants of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquire {
    /// Its class.
    pub priority: Priority,
    /// How much of the capacity it takes: 1, or its bytes of a memory.
    pub weight: u64,
    /// When its answer is no longer wanted.
    pub deadline: Time,
    /// Whether a holder of a lower class is to go for it, where it would wait.
    pub preempts: bool,
}

impl Acquire {
    /// One permit for a caller of this class, however long it takes.
    #[must_use]
    pub fn one(priority: Priority) -> Self {
        Acquire { priority, weight: 1, deadline: Time::MAX, preempts: false }
    }
}

/// What can happen to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkheadInput {
    /// A caller wants a permit.
    Acquire(Acquire),
    /// A caller that runs with its optional parts off wants a permit of the lane for such runs; nobody waits for one.
    AcquireLane,
    /// A permit that was handed out while nobody could be asked, under a ticket of its own.
    Adopt {
        /// Who holds it.
        ticket: Ticket,
        /// How much it takes.
        weight: u64,
    },
    /// This ticket is no longer needed, whether it waits, holds a permit, or is not known.
    GiveBack(Ticket),
    /// Permits that were taken in advance came back while somebody waited.
    Returned,
    /// A permit of an adaptive pool was held for so long, and is about to be given back.
    Ended {
        /// For how long.
        latency: Duration,
        /// What became of who held it.
        ended: Ended,
    },
    /// Nobody is let in any more, and whoever waits is told so.
    Close,
}

/// Why there is no permit, and how the pool stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: FullReason,
    /// Callers in line.
    pub waiting: u32,
    /// How long it had waited.
    pub waited: Duration,
    /// When a place in the line comes free at the latest; `None` where nobody waits, or waiting is of no use.
    pub retry_after: Option<Duration>,
}

/// A pool's answer to [`BulkheadInput::Acquire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkheadReply {
    /// The permit is held under the caller's ticket.
    Granted,
    /// The caller waits; another answer follows by this time, which is this one again where it may wait longer after
    /// all.
    Queued {
        /// When it gives up, or hears that it need not.
        until: Time,
    },
    /// There is none.
    Refused(Refusal),
    /// A second answer to who holds a permit: a caller of a higher class waits for it. It is held until given back.
    Preempted,
    /// The last answer to who waited, or held a permit and listened: nothing more comes.
    GivenBack,
}

/// What a pool publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkheadStatus {
    /// Permits, or bytes, in all.
    pub capacity: u64,
    /// Permits held. More than the capacity only while a pool that was made smaller empties.
    pub in_use: u64,
    /// Permits, out of these, that callers took by themselves: the pool had granted them in advance.
    pub in_advance: u64,
    /// Callers in line.
    pub waiting: u32,
    /// Permits held of the lane for runs with their optional parts off.
    pub lane_in_use: u64,
    /// Whether it was closed.
    pub closed: bool,
}

/// A decision of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkheadChange {
    /// Nothing is to be done.
    Nothing,
    /// Hand a permit out.
    Grant {
        /// To whom.
        ticket: Ticket,
        /// How much of the capacity it takes.
        weight: u64,
        /// Its class.
        priority: Priority,
    },
    /// Hand a permit of the lane out.
    GrantLane(Ticket),
    /// Count a permit that was handed out while nobody could be asked.
    Adopt {
        /// Who holds it.
        ticket: Ticket,
        /// How much it takes.
        weight: u64,
    },
    /// Say no.
    Refuse(Ticket, FullReason),
    /// Let a caller wait, in the place of another where the line is full.
    Queue {
        /// Who waits.
        ticket: Ticket,
        /// For what.
        acquire: Acquire,
        /// Who has to go for it.
        displaced: Option<Ticket>,
    },
    /// A ticket is no longer needed.
    GiveBack(Ticket),
    /// Permits came back.
    Returned,
    /// Learn from a call that ended how many the dependency takes.
    Learn(Sample),
    /// Somebody has waited as long as it may.
    Expire,
    /// Let nobody in any more.
    Close,
}

/// The pool as a pure machine.
#[derive(Debug)]
pub struct BulkheadMachine {
    pub(super) config: BulkheadConfig,
    pub(super) held: Holders,
    /// What callers took of what was granted in advance, when that was last looked at.
    pub(super) in_advance: u64,
    lane: BTreeSet<Ticket>,
    pub(super) line: Line,
    /// Whether some of what was taken in advance came back since free permits were last handed to the line.
    pub(super) is_to_fill: bool,
    pub(super) closed: bool,
    /// What looks for the right capacity of an adaptive pool.
    limit: Option<Limit>,
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl BulkheadMachine {
    pub(super) fn free(&self) -> u64 {
        self.own().saturating_sub(self.in_advance)
    }

    /// What it has not handed out by itself.
    fn own(&self) -> u64 {
        self.config.capacity().saturating_sub(self.held.in_use())
    }

    /// Whether permits may be taken in advance at all, where `runtime` holds unless its own settings say otherwise.
    pub(super) fn gives_in_advance(&self, runtime: Grants) -> bool {
        let config = &self.config;
        config.grants().unwrap_or(runtime) == Grants::On
            && config.mode() == Mode::Enforce
            // The rest asks for more than that one be free.
            && config.kind() == PoolKind::Semaphore
            && config.adaptive().is_none()
            // Whoever may be told to go must be known.
            && !config.preempts()
    }

    /// What callers may have taken at most without asking, and whether they are to ask all the same.
    pub(super) fn grants(&self) -> (u64, bool) {
        if self.closed { (0, true) } else { (self.own(), self.line.len() > 0) }
    }

    /// Learns what callers took without asking. Nobody takes more before it publishes.
    pub(super) fn learn(&mut self, in_advance: u64) {
        self.is_to_fill |= in_advance < self.in_advance;
        self.in_advance = in_advance;
    }

    fn knows(&self, ticket: Ticket) -> bool {
        self.held.contains(ticket) || self.lane.contains(&ticket) || self.line.contains(ticket)
    }

    fn acquire(&self, now: Time, ticket: Ticket, acquire: Acquire) -> BulkheadChange {
        let Acquire { priority, weight, deadline, .. } = acquire;
        if self.closed {
            return BulkheadChange::Refuse(ticket, FullReason::Closed);
        }
        if weight > self.config.capacity() {
            return BulkheadChange::Refuse(ticket, FullReason::NeverFits);
        }
        if deadline <= now {
            return BulkheadChange::Refuse(ticket, FullReason::WaitedTooLong);
        }
        // Nobody overtakes: while one waits, all who come wait behind it.
        if self.line.len() == 0 && weight <= self.free() {
            return BulkheadChange::Grant { ticket, weight, priority };
        }
        let queue = |displaced| BulkheadChange::Queue { ticket, acquire, displaced };
        if self.line.len() < self.config.queue() as usize || self.would_be_made_room_for(&acquire) {
            return queue(None);
        }
        match self.line.displaceable_by(priority) {
            Some(displaced) => queue(Some(displaced)),
            None => BulkheadChange::Refuse(ticket, FullReason::QueueFull),
        }
    }

    fn acquire_lane(&self, ticket: Ticket) -> BulkheadChange {
        if self.closed {
            return BulkheadChange::Refuse(ticket, FullReason::Closed);
        }
        if (self.lane.len() as u64) < self.config.lane() {
            BulkheadChange::GrantLane(ticket)
        } else {
            BulkheadChange::Refuse(ticket, FullReason::QueueFull)
        }
    }

    fn grant(&mut self, ticket: Ticket, weight: u64, class: Priority, effects: &mut Effects<BulkheadReply>) {
        if self.config.preempts() {
            self.held.add(ticket, weight, Some(class));
            effects.reply_and_hold(ticket, BulkheadReply::Granted);
        } else {
            self.held.add(ticket, weight, None);
            effects.reply(ticket, BulkheadReply::Granted);
        }
    }

    /// Exactly once: a ticket that is neither held nor in line has been given back already.
    fn give_back(&mut self, ticket: Ticket, effects: &mut Effects<BulkheadReply>) {
        let listened = self.held.remove(ticket).is_some_and(|holder| holder.is_listening());
        self.lane.remove(&ticket);
        if self.line.leave(ticket).is_some() || listened {
            effects.reply(ticket, BulkheadReply::GivenBack);
        }
    }

    /// Hands free permits to those who wait. Those who have waited too long go first: a permit that went to one of
    /// them would be of no use to anybody.
    fn fill(&mut self, now: Time, effects: &mut Effects<BulkheadReply>) {
        self.is_to_fill = false;
        let Expired { gone, held_back } = self.line.expire(now);
        for waiter in gone {
            self.dismiss(now, waiter, FullReason::WaitedTooLong, effects);
        }
        while self.free() > 0 {
            let Some(waiter) = self.line.next(now, self.free(), self.config.discipline()) else { break };
            self.grant(waiter.ticket, waiter.weight, waiter.class, effects);
        }
        for (ticket, until) in held_back.into_iter().filter(|(ticket, _)| self.line.contains(*ticket)) {
            effects.reply_in_line(ticket, BulkheadReply::Queued { until }, until);
        }
        self.preempt(effects);
    }

    fn dismiss(&self, now: Time, waiter: Waiter, why: FullReason, effects: &mut Effects<BulkheadReply>) {
        let refusal = self.refusal(now, why, now.since(waiter.since));
        effects.reply(waiter.ticket, BulkheadReply::Refused(refusal));
    }

    fn refusal(&self, now: Time, reason: FullReason, waited: Duration) -> Refusal {
        let of_no_use = matches!(reason, FullReason::Closed | FullReason::NeverFits);
        let retry_after = self.line.next_end().filter(|_| !of_no_use).map(|end| now.until(end));
        Refusal { reason, waiting: count(self.line.len()), waited, retry_after }
    }

    /// Takes other settings, or the capacity that was found to be right.
    fn resize(&mut self, moment: Moment, config: BulkheadConfig, effects: &mut Effects<BulkheadReply>) {
        let before = self.config.capacity();
        // Made smaller, permits are withheld as they come back: nobody who runs is killed.
        self.config = config;
        let capacity = config.capacity();
        for waiter in self.line.dismiss_above(capacity) {
            self.dismiss(moment.now, waiter, FullReason::NeverFits, effects);
        }
        if capacity != before {
            effects.happened(Happening::Notice { text: format!("capacity {before} became {capacity}") });
        }
        self.fill(moment.now, effects);
    }

    fn waiter(&self, now: Time, ticket: Ticket, acquire: Acquire) -> Waiter {
        let Acquire { priority: class, weight, deadline, preempts } = acquire;
        let within = |wait: Duration| now.after(wait).min(deadline);
        let max_wait = self.config.max_wait();
        let longest = within(max_wait.max(OLDEST_WAITS));
        Waiter {
            ticket,
            class,
            weight,
            preempts,
            since: now,
            until: within(max_wait),
            longest,
            overtaken: false,
        }
    }
}

impl Machine for BulkheadMachine {
    type Config = BulkheadConfig;
    type Input = BulkheadInput;
    type Change = BulkheadChange;
    type Reply = BulkheadReply;
    type Status = BulkheadStatus;
    type Gate = BulkheadGate;

    fn new(config: BulkheadConfig, moment: Moment) -> Self {
        BulkheadMachine {
            limit: config.limit(moment.now),
            config,
            held: Holders::default(),
            in_advance: 0,
            lane: BTreeSet::new(),
            line: Line::default(),
            is_to_fill: false,
            closed: false,
        }
    }

    fn draws(_: &BulkheadConfig) -> bool {
        false
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &BulkheadInput) -> BulkheadChange {
        match (*input, ticket) {
            (BulkheadInput::Acquire(_) | BulkheadInput::AcquireLane, Some(known)) if self.knows(known) => {
                BulkheadChange::Nothing
            }
            (BulkheadInput::Acquire(acquire), Some(ticket)) => {
                self.acquire(moment.now, ticket, Acquire { weight: acquire.weight.max(1), ..acquire })
            }
            (BulkheadInput::AcquireLane, Some(ticket)) => self.acquire_lane(ticket),
            (BulkheadInput::Acquire(_) | BulkheadInput::AcquireLane, None) => BulkheadChange::Nothing,
            (BulkheadInput::Adopt { ticket, .. }, _) if self.knows(ticket) => BulkheadChange::Nothing,
            (BulkheadInput::Adopt { ticket, weight }, _) => BulkheadChange::Adopt { ticket, weight },
            (BulkheadInput::GiveBack(ticket), _) if self.knows(ticket) => BulkheadChange::GiveBack(ticket),
            (BulkheadInput::GiveBack(_), _) => BulkheadChange::Nothing,
            (BulkheadInput::Returned, _) => BulkheadChange::Returned,
            (BulkheadInput::Ended { latency, ended }, _) => {
                let (now, in_flight) = (moment.now, self.held.in_use());
                BulkheadChange::Learn(Sample { now, latency, in_flight, ended })
            }
            (BulkheadInput::Close, _) => BulkheadChange::Close,
        }
    }

    fn apply(&mut self, moment: Moment, change: BulkheadChange, effects: &mut Effects<BulkheadReply>) {
        match change {
            BulkheadChange::Nothing => {}
            BulkheadChange::Grant { ticket, weight, priority } => {
                self.grant(ticket, weight, priority, effects);
            }
            BulkheadChange::GrantLane(ticket) => {
                self.lane.insert(ticket);
                effects.reply(ticket, BulkheadReply::Granted);
            }
            BulkheadChange::Adopt { ticket, weight } => self.held.add(ticket, weight, None),
            BulkheadChange::Refuse(ticket, reason) => {
                let refusal = self.refusal(moment.now, reason, Duration::ZERO);
                effects.reply(ticket, BulkheadReply::Refused(refusal));
            }
            BulkheadChange::Queue { ticket, acquire, displaced } => {
                if let Some(displaced) = displaced.and_then(|displaced| self.line.leave(displaced)) {
                    self.dismiss(moment.now, displaced, FullReason::Displaced, effects);
                }
                let waiter = self.waiter(moment.now, ticket, acquire);
                self.line.join(waiter);
                let until = waiter.until;
                effects.reply_in_line(ticket, BulkheadReply::Queued { until }, until);
                self.fill(moment.now, effects);
            }
            BulkheadChange::GiveBack(ticket) => {
                self.give_back(ticket, effects);
                self.fill(moment.now, effects);
            }
            BulkheadChange::Learn(sample) => {
                if let Some(limit) = &mut self.limit
                    && limit.learn(sample)
                {
                    let config = self.config.found(limit.limit());
                    self.resize(moment, config, effects);
                }
            }
            BulkheadChange::Returned | BulkheadChange::Expire => self.fill(moment.now, effects),
            BulkheadChange::Close => {
                self.closed = true;
                for waiter in self.line.dismiss_above(0) {
                    self.dismiss(moment.now, waiter, FullReason::Closed, effects);
                }
                effects.happened(Happening::Notice { text: "closed".to_owned() });
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.line.next_end()
    }

    fn expire(&self, _moment: Moment) -> BulkheadChange {
        BulkheadChange::Expire
    }

    fn status(&self, _now: Time) -> BulkheadStatus {
        BulkheadStatus {
            capacity: self.config.capacity(),
            in_use: self.held.in_use().saturating_add(self.in_advance),
            in_advance: self.in_advance,
            waiting: count(self.line.len()),
            lane_in_use: self.lane.len() as u64,
            closed: self.closed,
        }
    }

    fn describe(status: &BulkheadStatus) -> String {
        let BulkheadStatus { capacity, in_use, waiting, lane_in_use, closed, .. } = status;
        let lane = if *lane_in_use == 0 { String::new() } else { format!(", {lane_in_use} reduced") };
        let closed = if *closed { ", closed" } else { "" };
        format!("{in_use} of {capacity} in use, {waiting} waiting{lane}{closed}")
    }

    fn reconfigure(&mut self, moment: Moment, config: BulkheadConfig, effects: &mut Effects<BulkheadReply>) {
        // It looks for the right capacity anew, from what is declared now.
        self.limit = config.limit(moment.now);
        self.resize(moment, config, effects);
    }

    fn snapshot(&self, _moment: Moment) -> Vec<u8> {
        // Permits belong to calls of this process: the next one starts with none out.
        Vec::new()
    }

    fn restore(&mut self, _moment: Moment, _bytes: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }
}
