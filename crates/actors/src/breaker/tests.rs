use std::time::Duration;

use super::*;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine as _, Ticket};
use crate::outcome::{Ending, ErrorKind, Outcome};
use crate::rejection::RejectionKind;
use crate::settings::Settings;

mod keyed;
mod model;
mod rules;

struct Bench {
    machine: BreakerMachine,
    now: Time,
    ticket: u64,
}

const FAILURE: Ending = Ending::Error(ErrorKind::ServerError);

impl Bench {
    fn new(settings: &Settings) -> Self {
        let config = BreakerConfig::from_settings(settings).unwrap();
        Bench { machine: BreakerMachine::new(config, Moment::at(Time::ZERO)), now: Time::ZERO, ticket: 0 }
    }

    fn input(&mut self, ticket: Option<Ticket>, input: &BreakerInput) -> Option<BreakerReply> {
        let mut effects = Effects::default();
        self.machine.step(Moment::at(self.now), ticket, input, &mut effects);
        effects.take_replies().pop().map(|answer| answer.reply)
    }

    /// Lets time pass, stopping at each deadline on the way as a host's timer does.
    fn pass(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let change = self.machine.expire(Moment::at(self.now));
            self.machine.apply(Moment::at(self.now), change, &mut Effects::default());
            assert!(self.machine.deadline().is_none_or(|next| next > deadline), "its deadline must move");
        }
        self.now = end;
    }

    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = Time::ZERO.after(Duration::from_secs(seconds));
        self
    }

    fn admit(&mut self) -> Result<(Ticket, u64), Option<Duration>> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        match self.input(Some(ticket), &BreakerInput::Admit { patience: None }) {
            Some(BreakerReply::Admitted { epoch, .. }) => Ok((ticket, epoch)),
            Some(BreakerReply::Refused { retry_after, .. }) => Err(retry_after),
            None => panic!("every caller is answered"),
        }
    }

    fn report(&mut self, (ticket, epoch): (Ticket, u64), ending: Ending) {
        let outcome = Outcome { ending, latency: Duration::from_millis(1) };
        self.input(None, &BreakerInput::Report { ticket, epoch, outcome });
    }

    fn call(&mut self, ending: Ending) -> bool {
        let Ok(pass) = self.admit() else { return false };
        self.report(pass, ending);
        true
    }

    fn state(&self) -> BreakerState {
        self.machine.status(self.now).state
    }
}

#[test]
fn five_failures_in_ten_requests_open_it_and_three_successes_in_a_row_close_it_after_thirty_seconds() {
    let mut bench = Bench::new(&Settings::new());
    for ending in [FAILURE, Ending::Success].into_iter().cycle().take(8) {
        assert!(bench.call(ending));
    }
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.call(FAILURE);
    assert_eq!(bench.state(), BreakerState::Open);
    assert_eq!(bench.at(29).admit(), Err(Some(Duration::from_secs(1))));
    bench.at(30);
    for expected in [BreakerState::HalfOpen, BreakerState::HalfOpen, BreakerState::Closed] {
        assert!(bench.call(Ending::Success));
        assert_eq!(bench.state(), expected);
    }
}

#[test]
fn a_rate_is_evaluated_on_the_success_that_reaches_the_minimum() {
    let settings = Settings::new().with("failure_rate_threshold", 0.5).with("minimum_requests", 3);
    let mut bench = Bench::new(&settings);
    bench.call(FAILURE);
    bench.call(FAILURE);
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.call(Ending::Success);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn a_threshold_of_one_hundred_percent_can_be_reached() {
    let settings = Settings::new().with("failure_rate_threshold", 1.0).with("minimum_requests", 5);
    let mut bench = Bench::new(&settings);
    for _ in 0..5 {
        bench.call(FAILURE);
    }
    assert_eq!(bench.state(), BreakerState::Open);
}

fn opened(settings: Settings) -> Bench {
    let mut bench = Bench::new(&settings.with("failure_threshold", 1).with("recovery_timeout", "30s"));
    bench.call(FAILURE);
    assert_eq!(bench.state(), BreakerState::Open);
    bench
}

#[test]
fn an_ignored_refused_or_cancelled_probe_gives_its_slot_back() {
    let mut bench =
        opened(Settings::new().with("success_threshold", 1).with("ignore_on", vec!["validation_error"]));
    bench.at(30);
    for ending in
        [Ending::Error(ErrorKind::ValidationError), Ending::Cancelled, Ending::Rejected(RejectionKind::Full)]
    {
        assert!(bench.call(ending));
        assert_eq!(bench.state(), BreakerState::HalfOpen);
    }
    assert!(bench.call(Ending::Success));
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn of_one_hundred_callers_at_once_only_the_permitted_probes_pass() {
    let mut bench = opened(Settings::new().with("success_threshold", 1));
    bench.at(30);
    let passed: Vec<_> = (0..100).filter_map(|_| bench.admit().ok()).collect();
    assert_eq!(passed.len(), 1);
}

#[test]
fn a_probe_that_never_reports_frees_its_slot_when_its_lease_ends_and_its_late_result_still_counts() {
    let mut bench = opened(Settings::new().with("success_threshold", 1).with("probe_timeout", "10s"));
    let stuck = bench.at(30).admit().unwrap();
    assert_eq!(bench.at(39).admit(), Err(Some(Duration::from_secs(1))));
    assert!(bench.at(40).admit().is_ok());
    bench.report(stuck, Ending::Success);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn what_was_admitted_in_an_older_epoch_neither_closes_nor_opens_nor_extends() {
    for ending in [Ending::Success, FAILURE] {
        let mut bench = Bench::new(&Settings::new().with("failure_threshold", 1));
        let old = bench.admit().unwrap();
        bench.call(FAILURE);
        bench.at(12).report(old, ending);
        assert_eq!(bench.state(), BreakerState::Open);
        assert_eq!(bench.at(29).admit(), Err(Some(Duration::from_secs(1))));
    }
}

#[test]
fn a_failed_probe_opens_it_at_once() {
    let mut bench = opened(Settings::new());
    assert!(bench.at(30).call(FAILURE));
    assert_eq!(bench.state(), BreakerState::Open);
    assert!(!bench.call(Ending::Success));
}

#[test]
fn open_time_doubles_up_to_its_maximum_where_one_is_set() {
    let mut bench = opened(Settings::new().with("max_recovery_timeout", "90s"));
    bench.at(30).call(FAILURE);
    assert_eq!(bench.admit(), Err(Some(Duration::from_secs(60))));
    bench.at(90).call(FAILURE);
    assert_eq!(bench.admit(), Err(Some(Duration::from_secs(90))));
}

#[test]
fn slow_start_bounds_calls_in_flight_and_never_refuses_callers_one_after_another() {
    let mut bench = opened(Settings::new().with("success_threshold", 1));
    bench.at(30).call(Ending::Success);
    assert_eq!(bench.state(), BreakerState::Closed);
    let first = bench.admit().unwrap();
    assert!(bench.admit().is_err());
    bench.report(first, Ending::Success);
    for _ in 0..100 {
        assert!(bench.call(Ending::Success));
    }
    bench.at(40);
    assert_eq!((0..50).filter(|_| bench.admit().is_ok()).count(), 50);
}

#[test]
fn a_time_window_rolls_and_is_looked_at_again_when_old_successes_leave() {
    let settings =
        Settings::new().with("window", "10s").with("failure_rate_threshold", 0.5).with("minimum_requests", 5);
    let mut bench = Bench::new(&settings);
    for _ in 0..20 {
        bench.call(Ending::Success);
    }
    bench.at(8);
    for _ in 0..6 {
        bench.call(FAILURE);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.at(11);
    bench.input(
        None,
        &BreakerInput::Report {
            ticket: Ticket(0),
            epoch: 0,
            outcome: Outcome { ending: Ending::Success, latency: Duration::ZERO },
        },
    );
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn sparse_errors_do_not_stretch_a_time_window() {
    let mut bench = Bench::new(&Settings::new().with("failure_threshold", 3).with("window", "5s"));
    for second in [0, 5, 6] {
        bench.at(second).call(FAILURE);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn an_operators_order_holds_until_it_is_reset() {
    let mut bench = Bench::new(&Settings::new());
    bench.input(None, &BreakerInput::Force(Force::Open));
    assert_eq!(bench.at(1_000).admit(), Err(None));
    bench.input(None, &BreakerInput::Force(Force::Closed));
    for _ in 0..20 {
        assert!(bench.call(FAILURE));
    }
    bench.input(None, &BreakerInput::Force(Force::Reset));
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn an_open_breaker_resumes_at_most_its_rest_after_a_restart_of_the_process() {
    let bench = opened(Settings::new());
    let bytes = bench.machine.snapshot(Moment::at(Time::ZERO.after(Duration::from_secs(10))));
    let mut second = Bench::new(&Settings::new());
    let mut moment = Moment::at(Time::ZERO);
    moment.wall = moment.wall.after(Duration::from_secs(15));
    second.machine.restore(moment, &bytes).unwrap();
    assert_eq!(second.admit(), Err(Some(Duration::from_secs(15))));
}

#[test]
fn a_window_that_cannot_hold_what_is_written_is_an_error_at_its_key() {
    let settings = Settings::new().with("window", 10).with("minimum_requests", 100);
    let problems = BreakerConfig::from_settings(&settings).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].key, "window");
}
