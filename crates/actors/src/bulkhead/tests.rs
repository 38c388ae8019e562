use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine, Ticket};
use crate::rejection::FullReason;
use crate::settings::Settings;

mod adaptive;
mod classes;
mod model;
mod preemption;
mod settings;

/// A pool driven by hand, under the drain rule of its host.
struct Pool {
    machine: BulkheadMachine,
    now: Time,
    tickets: u64,
    answers: Vec<(u64, BulkheadReply)>,
}

impl Pool {
    fn new(settings: Settings) -> Self {
        let config = BulkheadConfig::from_settings(&settings).unwrap();
        let machine = BulkheadMachine::new(config, Moment::at(Time::ZERO));
        Pool { machine, now: Time::ZERO, tickets: 0, answers: Vec::new() }
    }

    fn of(capacity: i64) -> Self {
        Pool::new(Settings::new().with("capacity", capacity))
    }

    fn step(&mut self, ticket: Option<u64>, input: BulkheadInput) {
        let mut effects = Effects::default();
        let moment = Moment::at(self.now);
        self.machine.step(moment, ticket.map(Ticket), &input, &mut effects);
        self.take(&mut effects);
    }

    fn take(&mut self, effects: &mut Effects<BulkheadReply>) {
        self.answers.extend(effects.take_replies().into_iter().map(|answer| (answer.ticket.0, answer.reply)));
    }

    fn reconfigure(&mut self, config: BulkheadConfig) {
        let mut effects = Effects::default();
        self.machine.reconfigure(Moment::at(self.now), config, &mut effects);
        self.take(&mut effects);
    }

    /// Asks; the ticket says how it ended.
    fn ask(&mut self, priority: Priority) -> u64 {
        self.ask_n(priority, 1, Time::MAX)
    }

    fn ask_n(&mut self, priority: Priority, weight: u64, deadline: Time) -> u64 {
        self.ask_as(Acquire { priority, weight, deadline, preempts: false })
    }

    fn ask_as(&mut self, acquire: Acquire) -> u64 {
        self.tickets += 1;
        self.step(Some(self.tickets), BulkheadInput::Acquire(acquire));
        self.tickets
    }

    fn ask_lane(&mut self) -> u64 {
        self.tickets += 1;
        self.step(Some(self.tickets), BulkheadInput::AcquireLane);
        self.tickets
    }

    fn give_back(&mut self, ticket: u64) {
        self.step(None, BulkheadInput::GiveBack(Ticket(ticket)));
    }

    /// Lets time pass, stopping at each deadline on the way as a host's timer does.
    fn pass(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let mut effects = Effects::default();
            self.machine.catch_up(Moment::at(self.now), &mut effects);
            self.take(&mut effects);
        }
        self.now = end;
    }

    fn last(&self, ticket: u64) -> Option<BulkheadReply> {
        self.answers.iter().rev().find(|(answered, _)| *answered == ticket).map(|(_, reply)| *reply)
    }

    fn is_granted(&self, ticket: u64) -> bool {
        self.last(ticket) == Some(BulkheadReply::Granted)
    }

    fn is_waiting(&self, ticket: u64) -> bool {
        matches!(self.last(ticket), Some(BulkheadReply::Queued { .. }))
    }

    fn refusal(&self, ticket: u64) -> Option<Refusal> {
        match self.last(ticket) {
            Some(BulkheadReply::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    fn reason(&self, ticket: u64) -> Option<FullReason> {
        self.refusal(ticket).map(|refusal| refusal.reason)
    }

    fn status(&self) -> BulkheadStatus {
        self.machine.status(self.now)
    }

    /// Those who were granted, in order.
    fn granted(&self) -> Vec<u64> {
        let granted = self.answers.iter().filter(|(_, reply)| *reply == BulkheadReply::Granted);
        granted.map(|(ticket, _)| *ticket).collect()
    }
}

#[test]
fn the_queue_is_half_the_capacity_and_at_least_one_and_a_caller_beyond_it_is_refused_with_figures() {
    let mut pool = Pool::of(4);
    let tickets: Vec<u64> = (0..7).map(|_| pool.ask(Priority::Normal)).collect();
    assert_eq!(pool.granted(), tickets[..4]);
    assert!(pool.is_waiting(tickets[4]) && pool.is_waiting(tickets[5]));
    let refusal = pool.refusal(tickets[6]).unwrap();
    assert_eq!((refusal.reason, refusal.waiting), (FullReason::QueueFull, 2));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
    let mut single = Pool::of(1);
    let tickets: Vec<u64> = (0..3).map(|_| single.ask(Priority::Normal)).collect();
    assert!(single.is_waiting(tickets[1]));
    assert_eq!(single.reason(tickets[2]), Some(FullReason::QueueFull));
}

#[test]
fn one_waits_a_second_or_until_the_deadline_whichever_is_first() {
    let mut pool = Pool::of(1);
    pool.ask(Priority::Normal);
    let waiter = pool.ask(Priority::Normal);
    pool.pass(999);
    assert!(pool.is_waiting(waiter));
    pool.pass(1);
    let refusal = pool.refusal(waiter).unwrap();
    assert_eq!((refusal.reason, refusal.waited), (FullReason::WaitedTooLong, Duration::from_secs(1)));
    let soon = pool.now.after(Duration::from_millis(50));
    let waiter = pool.ask_n(Priority::Normal, 1, soon);
    pool.pass(50);
    assert_eq!(pool.reason(waiter), Some(FullReason::WaitedTooLong));
    let late = pool.ask_n(Priority::Normal, 1, pool.now);
    assert_eq!(pool.reason(late), Some(FullReason::WaitedTooLong));
    assert_eq!(pool.status().waiting, 0);
}

#[test]
fn a_waiter_that_left_is_never_handed_a_permit_and_no_capacity_is_lost() {
    // 8 waiters time out; then all 8 holders give back.
    let mut pool = Pool::new(Settings::new().with("capacity", 8).with("queue", 8));
    let holders: Vec<u64> = (0..8).map(|_| pool.ask(Priority::Normal)).collect();
    let waiters: Vec<u64> = (0..8).map(|_| pool.ask(Priority::Normal)).collect();
    for waiter in &waiters {
        pool.give_back(*waiter);
    }
    for holder in &holders {
        pool.give_back(*holder);
    }
    assert_eq!((pool.status().in_use, pool.status().waiting), (0, 0));
    assert!(waiters.iter().all(|waiter| !pool.is_granted(*waiter)));
    let again: Vec<u64> = (0..8).map(|_| pool.ask(Priority::Normal)).collect();
    assert!(again.iter().all(|ticket| pool.is_granted(*ticket)));
}

#[test]
fn expired_waiters_go_before_a_permit_is_handed_on() {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", 3));
    let holder = pool.ask(Priority::Normal);
    let expired = pool.ask(Priority::Normal);
    pool.pass(500);
    let fresh = pool.ask(Priority::Normal);
    // The permit comes back at the very time at which the first has waited long enough.
    pool.now = pool.now.after(Duration::from_millis(500));
    pool.give_back(holder);
    assert_eq!(pool.reason(expired), Some(FullReason::WaitedTooLong));
    assert!(pool.is_granted(fresh));
}

#[test]
fn a_class_is_served_first_come_first_served_and_nobody_overtakes_a_waiter() {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", 3));
    let mut holder = pool.ask(Priority::Normal);
    let waiters: Vec<u64> = (0..3).map(|_| pool.ask(Priority::Normal)).collect();
    for waiter in &waiters {
        pool.give_back(holder);
        holder = *waiter;
        assert!(pool.is_granted(holder));
    }
    assert_eq!(pool.granted()[1..], waiters);
}

#[test]
fn a_permit_is_given_back_exactly_once() {
    let mut pool = Pool::of(2);
    let (first, second) = (pool.ask(Priority::Normal), pool.ask(Priority::Normal));
    let waiting = [pool.ask(Priority::Normal)];
    pool.give_back(first);
    pool.give_back(first);
    assert!(pool.is_granted(waiting[0]));
    assert_eq!(pool.status().in_use, 2);
    pool.give_back(77);
    pool.give_back(second);
    assert_eq!(pool.status().in_use, 1);
}

#[test]
fn made_smaller_it_takes_nothing_away_and_withholds_what_comes_back_even_while_callers_wait() {
    let mut pool = Pool::new(Settings::new().with("capacity", 4).with("queue", 4));
    let holders: Vec<u64> = (0..4).map(|_| pool.ask(Priority::Normal)).collect();
    let waiter = pool.ask(Priority::Normal);
    let config = BulkheadConfig::of(4).unwrap().ordered(2).unwrap();
    pool.reconfigure(config);
    assert_eq!((pool.status().in_use, pool.status().capacity), (4, 2));
    pool.give_back(holders[0]);
    pool.give_back(holders[1]);
    assert!(pool.is_waiting(waiter));
    assert_eq!(pool.status().in_use, 2);
    pool.give_back(holders[2]);
    assert!(pool.is_granted(waiter));
    pool.reconfigure(config.ordered(3).unwrap());
    let more = pool.ask(Priority::Normal);
    assert!(pool.is_granted(more));
}

#[test]
fn made_larger_it_lets_waiters_in_at_once() {
    let mut pool = Pool::of(2);
    for _ in 0..3 {
        pool.ask(Priority::Normal);
    }
    pool.reconfigure(BulkheadConfig::of(3).unwrap());
    assert_eq!(pool.granted(), [1, 2, 3]);
}

#[test]
fn closed_it_tells_every_waiter_and_every_newcomer_so() {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", 3));
    let holder = pool.ask(Priority::Normal);
    let waiters: Vec<u64> = (0..3).map(|_| pool.ask(Priority::Normal)).collect();
    pool.step(None, BulkheadInput::Close);
    assert!(waiters.iter().all(|waiter| pool.reason(*waiter) == Some(FullReason::Closed)));
    pool.give_back(holder);
    let late = [pool.ask(Priority::High), pool.ask_lane()];
    for ticket in late {
        let refusal = pool.refusal(ticket).unwrap();
        assert_eq!((refusal.reason, refusal.retry_after), (FullReason::Closed, None));
    }
    assert_eq!(pool.granted(), [holder]);
}

#[test]
fn reduced_runs_have_a_lane_of_a_tenth_rounded_up_that_is_counted_apart() {
    for (capacity, lane) in [(1, 1), (10, 1), (11, 2), (50, 5)] {
        let mut pool = Pool::of(capacity);
        for _ in 0..capacity * 2 {
            pool.ask(Priority::High);
        }
        let before = pool.status();
        let tickets: Vec<u64> = (0..=lane).map(|_| pool.ask_lane()).collect();
        let granted = tickets.iter().filter(|ticket| pool.is_granted(**ticket)).count();
        assert_eq!(granted as u64, lane, "of {capacity}");
        assert_eq!(pool.reason(*tickets.last().unwrap()), Some(FullReason::QueueFull));
        assert_eq!(pool.status(), BulkheadStatus { lane_in_use: lane, ..before });
        pool.give_back(tickets[0]);
        assert_eq!(pool.status().lane_in_use, lane - 1);
    }
}

#[test]
fn bytes_are_taken_and_given_back_by_weight_and_what_never_fits_is_said_so() {
    let mut pool = Pool::new(Settings::new().with("capacity", "64MiB"));
    let mebibytes = |number: u64| number << 20;
    let large = pool.ask_n(Priority::Normal, mebibytes(48), Time::MAX);
    let second = pool.ask_n(Priority::Normal, mebibytes(32), Time::MAX);
    // It would fit, but who waits in front would then wait for ever.
    let small = pool.ask_n(Priority::Normal, mebibytes(1), Time::MAX);
    assert!(pool.is_granted(large) && pool.is_waiting(second) && pool.is_waiting(small));
    pool.give_back(large);
    assert!(pool.is_granted(second) && pool.is_granted(small));
    assert_eq!(pool.status().in_use, mebibytes(33));
    let never = pool.ask_n(Priority::High, mebibytes(65), Time::MAX);
    let refusal = pool.refusal(never).unwrap();
    assert_eq!((refusal.reason, refusal.retry_after), (FullReason::NeverFits, None));
}

#[test]
fn a_waiter_that_no_longer_fits_after_a_change_of_capacity_is_told_so_and_holds_nobody_up() {
    let mut pool = Pool::new(Settings::new().with("capacity", "10B"));
    let holder = pool.ask_n(Priority::Normal, 6, Time::MAX);
    let large = pool.ask_n(Priority::Normal, 8, Time::MAX);
    let small = pool.ask_n(Priority::Normal, 2, Time::MAX);
    pool.reconfigure(BulkheadConfig::from_settings(&Settings::new().with("capacity", "7B")).unwrap());
    assert_eq!(pool.reason(large), Some(FullReason::NeverFits));
    assert!(pool.is_waiting(small));
    pool.give_back(holder);
    assert!(pool.is_granted(small));
}

#[test]
fn what_was_handed_out_while_nobody_could_be_asked_counts_once_it_is_known() {
    let mut pool = Pool::of(2);
    pool.step(None, BulkheadInput::Adopt { ticket: Ticket(100), weight: 1 });
    pool.step(None, BulkheadInput::Adopt { ticket: Ticket(100), weight: 1 });
    pool.ask(Priority::Normal);
    let waiter = pool.ask(Priority::Normal);
    assert!(pool.is_waiting(waiter));
    assert_eq!(pool.status().in_use, 2);
    pool.give_back(100);
    assert!(pool.is_granted(waiter));
}

#[test]
fn the_next_process_starts_with_all_permits_free() {
    let mut pool = Pool::of(1);
    pool.ask(Priority::Normal);
    let saved = pool.machine.snapshot(Moment::at(pool.now));
    let mut next = Pool::of(1);
    next.machine.restore(Moment::at(Time::ZERO), &saved).unwrap();
    assert_eq!(next.status().in_use, 0);
}
