use super::*;
use crate::event::Happening;

fn calls(bench: &mut Bench, ending: Ending, number: usize) {
    for _ in 0..number {
        assert!(bench.call(ending));
    }
}

fn rate(rate: f64) -> Settings {
    Settings::new().with("failure_rate_threshold", rate)
}

#[test]
fn where_only_a_rate_is_written_no_count_applies() {
    let mut bench = Bench::new(&rate(0.5));
    calls(&mut bench, FAILURE, 9);
    assert_eq!(bench.state(), BreakerState::Closed);
    calls(&mut bench, FAILURE, 1);
    assert_eq!(bench.state(), BreakerState::Open);
    let mut bench = Bench::new(&rate(0.8));
    calls(&mut bench, Ending::Success, 4);
    calls(&mut bench, FAILURE, 7);
    assert_eq!(bench.state(), BreakerState::Closed);
    calls(&mut bench, FAILURE, 1);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn where_both_are_written_both_must_hold() {
    let mut bench = Bench::new(&rate(0.2).with("failure_threshold", 3).with("minimum_requests", 5));
    calls(&mut bench, FAILURE, 2);
    calls(&mut bench, Ending::Success, 6);
    assert_eq!(bench.state(), BreakerState::Closed);
    calls(&mut bench, FAILURE, 1);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn what_is_not_written_follows_from_what_is() {
    let read = |settings: Settings| BreakerConfig::from_settings(&settings).unwrap();
    assert_eq!(read(Settings::new()).window(), Span::Requests(10));
    assert_eq!(read(Settings::new().with("failure_threshold", 50)).window(), Span::Requests(50));
    assert_eq!(read(rate(0.5).with("minimum_requests", 20)).window(), Span::Requests(20));
    assert_eq!(read(rate(0.5).with("window", 4)).minimum_requests(), 4);
    assert_eq!(read(rate(0.5).with("window", 400)).minimum_requests(), 10);
    assert_eq!(read(Settings::new().with("success_threshold", 7)).half_open_permits(), 7);
}

#[test]
fn a_window_rolls_call_by_call_and_never_tumbles() {
    let mut bench = Bench::new(&Settings::new().with("failure_threshold", 5));
    calls(&mut bench, FAILURE, 4);
    calls(&mut bench, Ending::Success, 6);
    calls(&mut bench, FAILURE, 4);
    assert_eq!(bench.state(), BreakerState::Closed);
    calls(&mut bench, FAILURE, 1);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn on_closing_the_window_is_empty() {
    let mut bench = Bench::new(&Settings::new().with("success_threshold", 1));
    calls(&mut bench, FAILURE, 5);
    bench.at(30);
    calls(&mut bench, Ending::Success, 1);
    assert_eq!(bench.machine.status(bench.now).counts, Counts::default());
    calls(&mut bench, FAILURE, 4);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn successes_must_follow_one_another_to_close_it() {
    let mut bench = opened(Settings::new());
    bench.at(30);
    calls(&mut bench, Ending::Success, 2);
    calls(&mut bench, FAILURE, 1);
    bench.at(60);
    calls(&mut bench, Ending::Success, 2);
    assert_eq!(bench.state(), BreakerState::HalfOpen);
}

#[test]
fn a_probe_keeps_its_slot_as_long_as_its_attempt_may_take() {
    let mut bench = opened(Settings::new().with("success_threshold", 1));
    bench.at(30).ticket += 1;
    let patience = Some(Duration::from_secs(4));
    let ticket = Some(Ticket(bench.ticket));
    bench.input(ticket, &BreakerInput::Admit { patience });
    assert_eq!(bench.at(33).admit(), Err(Some(Duration::from_secs(1))));
    // The next one brings no patience along: recovery_timeout bounds it.
    assert!(bench.at(34).admit().is_ok());
    assert_eq!(bench.at(63).admit(), Err(Some(Duration::from_secs(1))));
    assert!(bench.at(64).admit().is_ok());
}

#[test]
fn a_stuck_call_does_not_hold_its_place_in_the_slow_start_for_longer_than_a_probe_its_slot() {
    let mut bench = opened(
        Settings::new().with("success_threshold", 1).with("probe_timeout", "2s").with("slow_start", "60s"),
    );
    bench.at(30).call(Ending::Success);
    bench.admit().unwrap();
    assert!(bench.at(31).admit().is_err());
    assert!(bench.at(32).admit().is_ok());
}

#[test]
fn slow_start_grows_by_one_for_each_full_round_of_successes_and_is_over_after_ten_seconds() {
    let mut bench = opened(Settings::new().with("success_threshold", 2));
    bench.at(30);
    calls(&mut bench, Ending::Success, 2);
    for limit in 2..6 {
        let passed: Vec<_> = (0..20).filter_map(|_| bench.admit().ok()).collect();
        assert_eq!(passed.len(), limit);
        for pass in passed {
            bench.report(pass, Ending::Success);
        }
    }
    assert_eq!((0..20).filter(|_| bench.at(39).admit().is_ok()).count(), 6);
    assert_eq!((0..20).filter(|_| bench.at(40).admit().is_ok()).count(), 20);
}

fn open_times(settings: Settings) -> Vec<u64> {
    let config = BreakerConfig::from_settings(&settings.with("failure_threshold", 1)).unwrap();
    let opened = (0..=100_u64).map(|step| {
        let moment = Moment { random: (u64::MAX / 100).saturating_mul(step), ..Moment::at(Time::ZERO) };
        let mut machine = BreakerMachine::new(config.clone(), moment);
        let outcome = Outcome { ending: FAILURE, latency: Duration::ZERO };
        let change =
            machine.decide(moment, None, &BreakerInput::Report { ticket: Ticket(1), epoch: 1, outcome });
        machine.apply(moment, change, &mut Effects::default());
        machine.status(Time::ZERO).until.unwrap().as_nanos() / 1_000_000
    });
    opened.collect()
}

#[test]
fn only_where_it_is_so_declared_the_open_time_is_spread_by_a_tenth_to_both_sides() {
    assert!(open_times(Settings::new()).iter().all(|millis| *millis == 30_000));
    let spread = open_times(Settings::new().with("jitter", true));
    assert_eq!((spread[0], spread[50], *spread.last().unwrap()), (27_000, 30_000, 33_000));
    assert!(spread.is_sorted());
    let tiny = Settings::new().with("jitter", true).with("recovery_timeout", "1ns");
    assert!(open_times(tiny).iter().all(|millis| *millis == 0));
}

#[test]
fn without_a_maximum_the_open_time_never_grows() {
    let mut bench = opened(Settings::new());
    for round in 1..50 {
        assert!(bench.at(round * 30).call(FAILURE));
        assert_eq!(bench.admit(), Err(Some(Duration::from_secs(30))));
    }
}

fn slow(bench: &mut Bench, ending: Ending) {
    let (ticket, epoch) = bench.admit().unwrap();
    let outcome = Outcome { ending, latency: Duration::from_secs(2) };
    bench.input(None, &BreakerInput::Report { ticket, epoch, outcome });
}

#[test]
fn slow_is_a_mark_beside_success_or_failure_and_opens_at_its_own_rate() {
    let settings = || Settings::new().with("slow_call_duration", "2s").with("minimum_requests", 4);
    // All of them, where no rate is written.
    let mut bench = Bench::new(&settings());
    calls(&mut bench, Ending::Success, 1);
    for _ in 0..9 {
        slow(&mut bench, Ending::Success);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
    slow(&mut bench, Ending::Success);
    assert_eq!(bench.state(), BreakerState::Open);
    let mut bench = Bench::new(&settings().with("slow_call_rate_threshold", 0.5));
    calls(&mut bench, Ending::Success, 2);
    slow(&mut bench, Ending::Success);
    slow(&mut bench, FAILURE);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn half_open_a_slow_probe_has_failed_where_a_slow_rule_is_set() {
    for (settings, state) in [
        (Settings::new().with("slow_call_duration", "2s"), BreakerState::Open),
        (Settings::new(), BreakerState::Closed),
    ] {
        let mut bench = opened(settings.with("success_threshold", 1));
        bench.at(30);
        slow(&mut bench, Ending::Success);
        assert_eq!(bench.state(), state);
    }
}

#[test]
fn what_counts_as_a_failure_can_be_moved_kind_by_kind() {
    let lists = Settings::new()
        .with("failure_threshold", 1)
        .with("record_on", vec!["not_found"])
        .with("ignore_on", vec!["timeout"]);
    let mut bench = Bench::new(&lists);
    let harmless = [
        Ending::TimedOut,
        Ending::Error(ErrorKind::Timeout),
        Ending::Error(ErrorKind::ValidationError),
        Ending::Error(ErrorKind::RateLimit),
        Ending::Rejected(RejectionKind::Full),
        Ending::Cancelled,
    ];
    for ending in harmless {
        calls(&mut bench, ending, 1);
        assert_eq!(bench.state(), BreakerState::Closed, "{ending:?}");
    }
    calls(&mut bench, Ending::Error(ErrorKind::NotFound), 1);
    assert_eq!(bench.state(), BreakerState::Open);
    let mut bench = Bench::new(&Settings::new().with("failure_threshold", 1));
    calls(&mut bench, Ending::Panicked, 1);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn each_transition_has_its_reason_and_the_counts_as_they_stood() {
    let config = BreakerConfig::from_settings(&Settings::new().with("failure_threshold", 2)).unwrap();
    let mut machine = BreakerMachine::new(config, Moment::at(Time::ZERO));
    let mut effects = Effects::default();
    let mut step = |millis: u64, ticket: u64, input: BreakerInput| {
        let moment = Moment::at(Time::ZERO.after(Duration::from_millis(millis)));
        let change = machine.decide(moment, Some(Ticket(ticket)), &input);
        machine.apply(moment, change, &mut effects);
    };
    let report = |ticket: u64, epoch: u64, ending: Ending| BreakerInput::Report {
        ticket: Ticket(ticket),
        epoch,
        outcome: Outcome { ending, latency: Duration::ZERO },
    };
    for (ticket, ending) in [(1, Ending::Success), (2, FAILURE), (3, FAILURE)] {
        step(0, ticket, report(ticket, 1, ending));
    }
    for ticket in [4, 5] {
        step(30_000, ticket, BreakerInput::Admit { patience: None });
    }
    step(30_000, 4, report(4, 3, Ending::Success));
    step(30_000, 5, report(5, 3, FAILURE));
    step(30_000, 0, BreakerInput::Force(Force::Closed));
    let told: Vec<String> = effects
        .take_happenings()
        .into_iter()
        .filter_map(|happening| match happening {
            Happening::Transition { from, to, reason } => Some(format!("{from} -> {to}: {reason}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "closed -> open: 2 failures in 3 calls",
            "open -> half_open: the open time is over",
            "half_open -> open: a probe failed after 1 that succeeded",
            "open -> forced_closed: ordered by an operator at 0 failures and 0 slow in 0 calls",
        ]
    );
}

#[test]
fn by_and_jitter_are_read_and_checked() {
    let config = BreakerConfig::from_settings(&Settings::new().with("by", "arg:shard").with("jitter", true));
    let config = config.unwrap();
    assert_eq!((config.by(), config.jitter()), (Some("arg:shard"), true));
    let wrong = Settings::new().with("by", "arg:").with("jitter", "yes");
    let keys: Vec<String> =
        BreakerConfig::from_settings(&wrong).unwrap_err().into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["jitter", "by"]);
}
