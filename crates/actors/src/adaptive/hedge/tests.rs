use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine as _, Ticket};
use crate::settings::Settings;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn machine(settings: &Settings) -> HedgeMachine {
    HedgeMachine::new(Hedge::from_settings(settings).unwrap(), Moment::at(Time::ZERO))
}

fn input(machine: &mut HedgeMachine, ticket: Option<u64>, input: HedgeInput) -> Option<HedgeReply> {
    let mut effects = Effects::default();
    machine.step(Moment::at(Time::ZERO), ticket.map(Ticket), &input, &mut effects);
    effects.take_replies().pop().map(|answer| answer.reply)
}

fn ended(machine: &mut HedgeMachine, latency: u64, times: u32) {
    for _ in 0..times {
        input(machine, None, HedgeInput::Ended { latency: Some(millis(latency)) });
    }
}

fn status(machine: &HedgeMachine) -> HedgeStatus {
    machine.status(Time::ZERO)
}

#[test]
fn nothing_is_slow_before_enough_calls_were_seen() {
    for (after, needed) in [("p50", 20), ("p95", 20), ("p99", 100), ("p99.9", 1_000)] {
        let mut hedge = machine(&Settings::new().with("after", after));
        ended(&mut hedge, 10, needed - 1);
        assert_eq!(status(&hedge).delay, None, "{after}");
        let refused = Some(HedgeReply::Refused(HedgeRefusal::NotLearned));
        assert_eq!(input(&mut hedge, Some(1), HedgeInput::Begin), refused, "{after}");
        ended(&mut hedge, 10, 1);
        assert!(status(&hedge).delay.is_some_and(|delay| delay >= millis(10)), "{after}");
        assert_eq!(input(&mut hedge, Some(2), HedgeInput::Begin), Some(HedgeReply::Granted), "{after}");
    }
}

#[test]
fn the_delay_is_what_the_quantile_says_and_a_written_one_holds_from_the_start() {
    let mut hedge = machine(&Settings::new().with("after", "p90"));
    ended(&mut hedge, 10, 89);
    ended(&mut hedge, 500, 11);
    assert!(status(&hedge).delay.is_some_and(|delay| delay >= millis(500) && delay < millis(516)));
    assert_eq!(status(&machine(&Settings::new().with("after", "70ms"))).delay, Some(millis(70)));
    let mut fast = machine(&Settings::new());
    for _ in 0..20 {
        input(&mut fast, None, HedgeInput::Ended { latency: Some(Duration::from_micros(3)) });
    }
    assert_eq!(status(&fast).delay, Some(millis(1)));
}

#[test]
fn ten_are_saved_up_and_each_first_attempt_earns_its_share() {
    let mut hedge = machine(&Settings::new().with("after", "5ms").with("budget", 0.25));
    let spent = Some(HedgeReply::Refused(HedgeRefusal::Spent));
    for ticket in 0..10 {
        assert_eq!(input(&mut hedge, Some(ticket), HedgeInput::Begin), Some(HedgeReply::Granted));
    }
    assert_eq!(input(&mut hedge, Some(10), HedgeInput::Begin), spent);
    ended(&mut hedge, 1, 3);
    assert_eq!(input(&mut hedge, Some(11), HedgeInput::Begin), spent);
    // One that tells nothing of latency is a first attempt all the same.
    input(&mut hedge, None, HedgeInput::Ended { latency: None });
    assert_eq!(input(&mut hedge, Some(12), HedgeInput::Begin), Some(HedgeReply::Granted));
    ended(&mut hedge, 1, 1_000);
    assert_eq!(status(&hedge).affordable, Some(10));
    let mut unbounded = machine(&Settings::new().with("after", "5ms").with("budget", "off"));
    for ticket in 0..1_000 {
        assert_eq!(input(&mut unbounded, Some(ticket), HedgeInput::Begin), Some(HedgeReply::Granted));
    }
}

#[test]
fn what_never_began_comes_back_once_and_what_began_never_does() {
    let mut hedge = machine(&Settings::new().with("after", "5ms"));
    input(&mut hedge, Some(1), HedgeInput::Begin);
    input(&mut hedge, Some(2), HedgeInput::Begin);
    assert_eq!(status(&hedge).affordable, Some(8));
    input(&mut hedge, None, HedgeInput::GiveBack(Ticket(1)));
    input(&mut hedge, None, HedgeInput::GiveBack(Ticket(1)));
    assert_eq!(status(&hedge).affordable, Some(9));
    input(&mut hedge, None, HedgeInput::Began(Ticket(2)));
    input(&mut hedge, None, HedgeInput::GiveBack(Ticket(2)));
    assert_eq!((status(&hedge).affordable, status(&hedge).begun), (Some(9), 1));
}

#[test]
fn what_it_learned_outlives_a_restart_and_damage_leaves_it_as_it_was() {
    let mut before = machine(&Settings::new());
    ended(&mut before, 40, 50);
    let mut bytes = before.snapshot(Moment::at(Time::ZERO));
    let mut after = machine(&Settings::new());
    after.restore(Moment::at(Time::from_nanos(5)), &bytes).unwrap();
    assert_eq!(status(&after).delay, status(&before).delay);
    *bytes.last_mut().unwrap() ^= 1;
    let mut fresh = machine(&Settings::new());
    assert!(fresh.restore(Moment::at(Time::ZERO), &bytes).is_err());
    assert_eq!(status(&fresh).delay, None);
}

proptest! {
    #[test]
    fn further_attempts_never_exceed_the_saved_up_ones_and_the_share(
        steps in prop::collection::vec((0_u8..4, 0_u64..40), 0..400),
        budget in 1_u32..=1_000,
    ) {
        let share = f64::from(budget) / 1_000.0;
        let mut hedge = machine(&Settings::new().with("after", "5ms").with("budget", share));
        let (mut firsts, mut granted, mut back) = (0_u64, std::collections::BTreeSet::new(), 0_u64);
        let mut ticket = 0;
        for (step, which) in steps {
            match step {
                0 => {
                    ended(&mut hedge, 1, 1);
                    firsts += 1;
                }
                1 => {
                    ticket += 1;
                    if input(&mut hedge, Some(ticket), HedgeInput::Begin) == Some(HedgeReply::Granted) {
                        granted.insert(ticket);
                    }
                }
                2 => {
                    input(&mut hedge, None, HedgeInput::GiveBack(Ticket(which)));
                    back += u64::from(granted.remove(&which));
                }
                _ => {
                    input(&mut hedge, None, HedgeInput::Began(Ticket(which)));
                    // It stays spent, and can no longer come back.
                    if granted.remove(&which) {
                        granted.insert(which + 1_000_000);
                    }
                }
            }
            let earned = 10_000 + firsts * u64::from(budget);
            prop_assert!(granted.len() as u64 * 1_000 <= earned, "{} {} {}", granted.len(), firsts, back);
        }
    }
}
