use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::{Moment, Time, WallTime};
use crate::machine::{Answer, Effects, Machine as _, Ticket};
use crate::rejection::ConflictReason;
use crate::settings::Settings;

mod keys;
mod model;
mod outcomes;
mod restarts;
mod runs;
mod settings;
mod waiting;

/// 2026-01-01, so that wall time and monotonic time are never taken for each other unnoticed.
const WALL_AT_START: u64 = 1_767_225_600_000_000_000;

struct Bench {
    machine: IdempotencyMachine,
    site: Idempotent,
    now: Time,
    /// How far wall time has jumped, in seconds.
    jumped: i64,
    ticket: u64,
    /// Answers that came after "waiting".
    later: Vec<(Ticket, IdempotencyReply)>,
}

const ORDER: Fingerprint = [1; 32];
const OTHER_ORDER: Fingerprint = [2; 32];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn space(scope: &str) -> KeySpace<'_> {
    KeySpace { scope, principal: Principal::Anyone, path: &[] }
}

fn key(text: &str) -> RecordKey {
    RecordKey::explicit(space("POST /orders"), text).unwrap()
}

fn bytes(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

fn cut(ticket: Ticket) -> IdempotencyInput {
    IdempotencyInput::Cut { ticket, why: "its timeout cut it", at: None }
}

fn refused(reason: ConflictReason, after: Option<u64>) -> IdempotencyReply {
    IdempotencyReply::Refused(reason, after.map(seconds))
}

impl Bench {
    fn new(settings: &Settings) -> Self {
        let site = Idempotent::from_settings(settings).unwrap();
        let machine = IdempotencyMachine::new(site.store_config().clone(), Moment::at(Time::ZERO));
        Bench { machine, site, now: Time::ZERO, jumped: 0, ticket: 0, later: Vec::new() }
    }

    fn moment(&self) -> Moment {
        let jumped = WALL_AT_START.saturating_add_signed(self.jumped * 1_000_000_000);
        Moment { now: self.now, wall: WallTime::from_nanos(jumped + self.now.as_nanos()), random: 0 }
    }

    /// Time passes, and the timer fires whenever it should.
    fn at(&mut self, second: u64) -> &mut Self {
        let end = Time::ZERO.after(seconds(second));
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let mut effects = Effects::default();
            let change = self.machine.expire(self.moment());
            self.machine.apply(self.moment(), change, &mut effects);
            self.sort(&mut effects);
            assert_ne!(self.machine.deadline(), Some(deadline), "the deadline moves each time it expires");
        }
        self.now = self.now.max(end);
        self
    }

    fn sort(&mut self, effects: &mut Effects<IdempotencyReply>) {
        self.later.extend(effects.take_replies().into_iter().map(|answer| (answer.ticket, answer.reply)));
    }

    fn ask(&mut self, input: &IdempotencyInput) -> (Ticket, IdempotencyReply) {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        let mut effects = Effects::default();
        let change = self.machine.decide(self.moment(), Some(ticket), input);
        self.machine.apply(self.moment(), change, &mut effects);
        let mut own = None;
        for Answer { ticket: whose, reply, more, .. } in effects.take_replies() {
            if whose == ticket {
                assert_eq!(more, reply == IdempotencyReply::Waiting);
                own = Some(reply);
            } else {
                self.later.push((whose, reply));
            }
        }
        (ticket, own.expect("every caller is answered"))
    }

    fn tell(&mut self, input: IdempotencyInput) {
        let mut effects = Effects::default();
        let change = self.machine.decide(self.moment(), None, &input);
        self.machine.apply(self.moment(), change, &mut effects);
        self.sort(&mut effects);
    }

    fn begin_as(
        &mut self,
        key: &RecordKey,
        fingerprint: Fingerprint,
        wait: Option<u64>,
    ) -> (Ticket, IdempotencyReply) {
        let wait = wait.map(|second| Time::ZERO.after(seconds(second)));
        let (key, terms) = (key.clone(), self.site.terms(true));
        self.ask(&IdempotencyInput::Begin { key, fingerprint, terms, wait })
    }

    fn begin(&mut self, text: &str) -> (Ticket, IdempotencyReply) {
        self.begin_as(&key(text), ORDER, None)
    }

    /// What a call with this key gets that does not wait.
    fn repeat(&mut self, text: &str) -> IdempotencyReply {
        self.begin(text).1
    }

    /// A call that is let in.
    fn started(&mut self, text: &str) -> Ticket {
        let (ticket, reply) = self.begin(text);
        assert_eq!(reply, IdempotencyReply::Run);
        ticket
    }

    fn complete(&mut self, ticket: Ticket, result: &str) {
        self.tell(IdempotencyInput::Complete { ticket, result: Some(bytes(result)), at: None });
    }

    fn waits(&mut self, text: &str, until: u64) -> Ticket {
        let (ticket, reply) = self.begin_as(&key(text), ORDER, Some(until));
        assert_eq!(reply, IdempotencyReply::Waiting);
        ticket
    }

    fn later(&mut self) -> Vec<(Ticket, IdempotencyReply)> {
        std::mem::take(&mut self.later)
    }

    fn status(&self) -> IdempotencyStatus {
        self.machine.status(self.now)
    }

    /// The same store in the next process, which starts `pause` seconds later with a monotonic clock of its own.
    fn next_process(&self, pause: u64) -> Bench {
        let mut next = Bench::new(&Settings::new());
        next.site = self.site.clone();
        let gone = self.now.as_nanos() / 1_000_000_000 + pause;
        next.jumped = self.jumped + gone.cast_signed();
        let written = self.machine.snapshot(self.moment());
        let moment = next.moment();
        next.machine.restore(moment, &written).unwrap();
        next
    }
}

fn store() -> Bench {
    Bench::new(&Settings::new())
}
