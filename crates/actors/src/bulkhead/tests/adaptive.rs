use std::time::Duration;

use super::super::*;
use crate::adaptive::concurrency::Ended;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine as _, Ticket};
use crate::settings::Settings;

const MILLI: u64 = 1_000_000;

/// A pool in front of so many servers of 100 ms each, with more callers than it lets in.
struct Bench {
    machine: BulkheadMachine,
    now: u64,
    tickets: u64,
    /// When each call in flight ends, with its beginning.
    calls: Vec<(u64, u64, Ticket)>,
    free: Vec<u64>,
}

impl Bench {
    fn new(settings: &Settings, servers: usize) -> Self {
        let config = BulkheadConfig::from_settings(settings).unwrap();
        let machine = BulkheadMachine::new(config, Moment::at(Time::ZERO));
        Bench { machine, now: 0, tickets: 0, calls: Vec::new(), free: vec![0; servers] }
    }

    fn input(&mut self, ticket: Option<Ticket>, input: BulkheadInput) -> Option<BulkheadReply> {
        let mut effects = Effects::default();
        let moment = Moment::at(Time::from_nanos(self.now));
        self.machine.step(moment, ticket, &input, &mut effects);
        effects.take_replies().pop().map(|answer| answer.reply)
    }

    fn status(&self) -> BulkheadStatus {
        self.machine.status(Time::from_nanos(self.now))
    }

    fn fill(&mut self) {
        while self.status().in_use < self.status().capacity {
            self.tickets += 1;
            let ticket = Ticket(self.tickets);
            let acquire = BulkheadInput::Acquire(Acquire::one(Priority::Normal));
            let reply = self.input(Some(ticket), acquire);
            assert_eq!(reply, Some(BulkheadReply::Granted));
            let server = self.free.iter_mut().min().unwrap();
            let ends = (*server).max(self.now) + 100 * MILLI;
            *server = ends;
            self.calls.push((ends, self.now, ticket));
        }
    }

    fn run(&mut self, seconds: u64) -> u64 {
        let until = self.now + seconds * 1_000 * MILLI;
        while self.now < until {
            self.fill();
            let next = (0..self.calls.len()).min_by_key(|index| self.calls[*index]).unwrap();
            let (ends, began, ticket) = self.calls.swap_remove(next);
            self.now = ends;
            let latency = Duration::from_nanos(ends - began);
            self.input(None, BulkheadInput::Ended { latency, ended: Ended::Answered });
            self.input(None, BulkheadInput::GiveBack(ticket));
        }
        self.status().capacity
    }
}

#[test]
fn an_adaptive_pool_finds_the_knee_of_what_it_guards_and_follows_its_halving() {
    for adaptive in ["gradient", "vegas"] {
        let mut bench = Bench::new(&Settings::new().with("capacity", 10).with("adaptive", adaptive), 40);
        let limit = bench.run(30);
        assert!((36..=44).contains(&limit), "{adaptive}: {limit}");
        bench.free.truncate(20);
        let limit = bench.run(10);
        assert!((18..=22).contains(&limit), "{adaptive}: {limit}");
    }
}

#[test]
fn a_limit_that_shrinks_kills_nobody_and_withholds_what_comes_back() {
    let mut bench = Bench::new(&Settings::new().with("capacity", 40).with("adaptive", "aimd"), 40);
    bench.fill();
    for _ in 0..80 {
        bench.input(None, BulkheadInput::Ended { latency: Duration::ZERO, ended: Ended::Overloaded });
    }
    assert_eq!((bench.status().capacity, bench.status().in_use), (36, 40));
    for ticket in 1..=4 {
        bench.input(None, BulkheadInput::GiveBack(Ticket(ticket)));
    }
    assert_eq!((bench.status().capacity, bench.status().in_use), (36, 36));
}

#[test]
fn other_settings_begin_the_search_anew_and_a_fixed_pool_learns_nothing() {
    let adaptive = Settings::new().with("capacity", 10).with("adaptive", "gradient");
    let mut bench = Bench::new(&adaptive, 40);
    assert!(bench.run(30) > 30);
    let config = BulkheadConfig::from_settings(&adaptive.with("capacity", 12)).unwrap();
    bench.machine.reconfigure(Moment::at(Time::from_nanos(bench.now)), config, &mut Effects::default());
    assert_eq!(bench.status().capacity, 12);
    let mut fixed = Bench::new(&Settings::new().with("capacity", 10), 40);
    assert_eq!(fixed.run(30), 10);
}

#[test]
fn bytes_of_a_memory_are_not_found_from_latency() {
    let memory = Settings::new().with("capacity", "64MiB").with("adaptive", "vegas");
    let problems = BulkheadConfig::from_settings(&memory).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].key, "adaptive");
    let words = BulkheadConfig::from_settings(&Settings::new().with("capacity", 5).with("adaptive", "aimd"));
    assert!(words.unwrap().to_string().contains("found by aimd, up to 50"));
    let throttle = Settings::new().with("max_concurrent", 5).with("adaptive", "gradient");
    assert_eq!(BulkheadConfig::from_throttle(&throttle).unwrap().adaptive(), Some(Adaptive::Gradient));
}
