use std::time::Duration;

use super::*;
use crate::clock::{Moment, Time, WallTime};
use crate::event::Happening;
use crate::machine::{Effects, Machine as _, Ticket};
use crate::settings::Settings;

mod invariants;
mod models;
mod quotas;
mod reservations;
mod tables;
mod waiting;

struct Bench {
    machine: LimiterMachine,
    now: Time,
    wall: WallTime,
    ticket: u64,
    notices: Vec<String>,
    /// Second answers, with the millisecond at which they came.
    later: Vec<(u64, Ticket, LimiterReply)>,
}

/// What a refused caller is told.
type Refusal = Option<Duration>;

impl Bench {
    fn new(settings: &Settings) -> Self {
        let config = LimiterConfig::from_settings(settings).unwrap();
        Bench {
            machine: LimiterMachine::new(config, Moment::at(Time::ZERO)),
            now: Time::ZERO,
            wall: WallTime::from_nanos(0),
            ticket: 0,
            notices: Vec::new(),
            later: Vec::new(),
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall, random: 0 }
    }

    fn input(&mut self, ticket: Option<Ticket>, input: &LimiterInput) -> Option<LimiterReply> {
        let moment = self.moment();
        let change = self.machine.decide(moment, ticket, input);
        let mut effects = Effects::default();
        self.machine.apply(moment, change, &mut effects);
        self.drain(ticket, &mut effects)
    }

    fn drain(&mut self, asked: Option<Ticket>, effects: &mut Effects<LimiterReply>) -> Option<LimiterReply> {
        for happening in effects.take_happenings() {
            if let Happening::Notice { text } = happening {
                self.notices.push(text);
            }
        }
        let mut first = None;
        for answer in effects.take_replies() {
            if Some(answer.ticket) == asked {
                assert_eq!(answer.more, matches!(answer.reply, LimiterReply::Queued { .. }));
                first = Some(answer.reply);
            } else {
                assert!(!answer.more);
                self.later.push((self.now.as_nanos() / 1_000_000, answer.ticket, answer.reply));
            }
        }
        first
    }

    /// Goes on to `millis`, with every timer firing at its very nanosecond.
    fn run_to(&mut self, millis: u64) -> &mut Self {
        let end = Time::from_nanos(millis * 1_000_000);
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= end) {
            self.at_nanos(deadline.max(self.now).as_nanos());
            self.expire();
        }
        self.at(millis)
    }

    fn expire(&mut self) {
        let moment = self.moment();
        let change = self.machine.expire(moment);
        let mut effects = Effects::default();
        self.machine.apply(moment, change, &mut effects);
        assert!(self.machine.deadline().is_none_or(|deadline| deadline > self.now));
        self.drain(None, &mut effects);
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.at_nanos(millis * 1_000_000)
    }

    fn at_nanos(&mut self, nanos: u64) -> &mut Self {
        let time = Time::from_nanos(nanos);
        self.wall = self.wall.after(time.since(self.now));
        self.now = time;
        self
    }

    fn ask(&mut self, key: &str, cost: u64, hold: bool) -> (Ticket, LimiterReply) {
        self.ask_patiently(key, cost, hold, 0)
    }

    fn ask_patiently(&mut self, key: &str, cost: u64, hold: bool, millis: u64) -> (Ticket, LimiterReply) {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        let patience = Duration::from_millis(millis);
        let input = LimiterInput::Check { key: key.to_owned(), cost, hold, patience };
        (ticket, self.input(Some(ticket), &input).expect("every caller is answered"))
    }

    fn check(&mut self, key: &str, cost: u64) -> Result<u64, Refusal> {
        match self.ask(key, cost, false).1 {
            LimiterReply::Granted(decision) => Ok(decision.remaining),
            LimiterReply::Refused { retry_after, .. } => Err(retry_after),
            LimiterReply::Queued { .. } => panic!("it has no patience"),
        }
    }

    fn hold(&mut self, key: &str, cost: u64) -> Option<Ticket> {
        let (ticket, reply) = self.ask(key, cost, true);
        matches!(reply, LimiterReply::Granted(_)).then_some(ticket)
    }

    fn reconfigure(&mut self, settings: &Settings) {
        let config = LimiterConfig::from_settings(settings).unwrap();
        let mut effects = Effects::default();
        self.machine.reconfigure(self.moment(), config, &mut effects);
        self.drain(None, &mut effects);
    }

    fn give_back(&mut self, ticket: Ticket) {
        self.input(None, &LimiterInput::GiveBack(ticket));
    }

    /// How many of `calls` pass.
    fn pass(&mut self, key: &str, calls: usize) -> usize {
        (0..calls).filter(|_| self.check(key, 1).is_ok()).count()
    }
}

fn limit(requests: i64, per: &str) -> Settings {
    Settings::new().with("requests", requests).with("per", per)
}

fn bucket(requests: i64, per: &str) -> Settings {
    limit(requests, per).with("algorithm", "token_bucket")
}

fn fixed(requests: i64, per: &str) -> Settings {
    limit(requests, per).with("algorithm", "fixed_window")
}

fn millis(millis: u64) -> Refusal {
    Some(Duration::from_millis(millis))
}
