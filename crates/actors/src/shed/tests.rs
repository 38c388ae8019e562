use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::bulkhead::Priority;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine as _, Ticket};
use crate::settings::Settings;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

struct Bench {
    machine: ShedMachine,
    millis: u64,
    tickets: u64,
}

impl Bench {
    fn new() -> Self {
        let config = Shed::from_settings(&Settings::new()).unwrap();
        Bench { machine: ShedMachine::new(config, Moment::at(Time::ZERO)), millis: 0, tickets: 0 }
    }

    fn input(&mut self, input: ShedInput) -> Option<ShedReply> {
        self.tickets += 1;
        let mut effects = Effects::default();
        let moment = Moment::at(Time::ZERO.after(millis(self.millis)));
        self.machine.step(moment, Some(Ticket(self.tickets)), &input, &mut effects);
        effects.take_replies().pop().map(|answer| answer.reply)
    }

    /// One call; whether it was let in.
    fn call(&mut self, priority: Priority, delay: u64) -> bool {
        let admitted = self.input(ShedInput::Admit { priority }) == Some(ShedReply::Admitted);
        if admitted {
            self.input(ShedInput::Waited { priority, delay: millis(delay) });
        }
        admitted
    }

    fn share(&self) -> u64 {
        self.machine.status(Time::ZERO).share
    }

    /// So many milliseconds with a call of that class in each, all of the same delay; how many were let in.
    fn run(&mut self, lasts: u64, priority: Priority, delay: u64) -> u64 {
        let mut admitted = 0;
        for _ in 0..lasts {
            self.millis += 1;
            admitted += u64::from(self.call(priority, delay));
        }
        admitted
    }
}

#[test]
fn nothing_is_shed_while_somebody_gets_through_in_time() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        assert_eq!(bench.run(49, Priority::Normal, 400), 49, "a burst");
        assert_eq!(bench.run(1, Priority::Normal, 4), 1);
    }
    assert_eq!(bench.share(), 0);
}

#[test]
fn a_delay_that_stays_above_the_target_for_an_interval_sheds_and_ever_faster_the_longer_it_lasts() {
    let mut bench = Bench::new();
    assert_eq!(bench.run(99, Priority::Normal, 6), 99);
    assert_eq!(bench.share(), 0);
    bench.run(2, Priority::Normal, 6);
    assert_eq!(bench.share(), 100);
    let mut looks = Vec::new();
    for _ in 0..1_000 {
        let before = bench.share();
        bench.run(1, Priority::Normal, 6);
        if bench.share() != before {
            looks.push(bench.millis);
        }
    }
    let gaps: Vec<u64> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.first() > gaps.last() && gaps.last() >= Some(&10), "{gaps:?}");
    assert!(looks.iter().take(10).all(|look| *look < 700), "two thirds within so many ms: {looks:?}");
    assert_eq!(bench.share(), 950, "the most");
    let admitted = bench.run(1_000, Priority::Normal, 6);
    assert!((45..=55).contains(&admitted), "{admitted}");
}

#[test]
fn once_the_delay_is_fine_again_it_lets_go_step_by_step_until_all_pass() {
    let mut bench = Bench::new();
    bench.run(1_000, Priority::Normal, 50);
    let before = bench.share();
    bench.run(100, Priority::Normal, 1);
    assert!(bench.share() < before && bench.share() > before / 2);
    bench.run(6_000, Priority::Normal, 1);
    assert_eq!(bench.share(), 0);
}

#[test]
fn the_lowest_classes_are_shed_first() {
    let mut bench = Bench::new();
    let classes = [Priority::High, Priority::Normal, Priority::Low, Priority::Background];
    let mut shed = [0_u32; 4];
    // As many of each class; half of all is too much: the delay stays until half of them are turned away.
    for round in 0..40_000_u64 {
        bench.millis += u64::from(round % 4 == 0);
        let class = classes[usize::try_from(round % 4).unwrap()];
        let delay = if bench.share() < 500 { 20 } else { 1 };
        let admitted = bench.call(class, delay);
        if round >= 20_000 {
            shed[class.index()] += u32::from(!admitted);
        }
    }
    let [high, normal, low, background] = shed;
    assert_eq!(high, 0);
    assert!(normal < 500 && low > 4_000 && background > 4_700, "{shed:?} of 5,000 each");
}

#[test]
fn a_class_that_did_not_come_lately_is_turned_away_where_higher_ones_are() {
    let mut bench = Bench::new();
    bench.run(1_000, Priority::Normal, 50);
    let passed = (0..100).filter(|_| bench.call(Priority::Background, 50)).count();
    assert!(passed <= 6, "{passed}");
    let passed = (0..100).filter(|_| bench.call(Priority::High, 50)).count();
    assert_eq!(passed, 100);
}

#[test]
fn high_classes_that_hardly_wait_neither_hide_the_line_behind_them_nor_pay_for_it() {
    let mut bench = Bench::new();
    let mut shed = [0, 0];
    for round in 0..4_000 {
        bench.millis += 1;
        let (class, delay) = if round % 2 == 0 { (Priority::High, 0) } else { (Priority::Low, 300) };
        shed[round % 2] += u32::from(!bench.call(class, delay));
    }
    assert!(shed[0] == 0 && shed[1] > 1_500, "{shed:?} of 2,000 each");
}

#[test]
fn silence_ends_it() {
    let mut bench = Bench::new();
    bench.run(1_000, Priority::Normal, 50);
    assert!(bench.share() > 900);
    bench.millis += 60_000;
    assert!(bench.call(Priority::Background, 1));
    assert_eq!(bench.share(), 0);
}

#[test]
fn while_nobody_who_came_begins_it_neither_grows_nor_shrinks() {
    let mut bench = Bench::new();
    bench.run(300, Priority::Normal, 50);
    let before = bench.share();
    for _ in 0..1_000 {
        bench.millis += 1;
        bench.input(ShedInput::Admit { priority: Priority::Normal });
    }
    // The interval in which somebody still began counts.
    assert!(bench.share() >= before && bench.share() <= before + 100, "{before} {}", bench.share());
}

proptest! {
    #[test]
    fn some_of_every_class_pass_and_calls_are_counted_whatever_comes(
        steps in prop::collection::vec((0_usize..4, 0_u64..200, 0_u64..50), 1..500),
    ) {
        let classes = [Priority::High, Priority::Normal, Priority::Low, Priority::Background];
        let mut bench = Bench::new();
        let (mut calls, mut admitted) = (0, 0);
        for (class, delay, pause) in steps {
            bench.millis += pause;
            calls += 1;
            admitted += u64::from(bench.call(classes[class], delay));
            prop_assert!(bench.share() <= 950);
        }
        let shed: u64 = bench.machine.status(Time::ZERO).shed.iter().sum();
        prop_assert_eq!(shed + admitted, calls);
    }
}
