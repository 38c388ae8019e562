use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::{Moment, Time};
use crate::machine::{Effects, Machine as _};
use crate::settings::Settings;

struct Bench {
    machine: BrownoutMachine,
    millis: u64,
}

impl Bench {
    /// A target of 100 ms, and four parts.
    fn new() -> Self {
        let config =
            DegradeGracefully::from_settings(&Settings::new().with("latency_target", "100ms")).unwrap();
        let mut bench = Bench { machine: BrownoutMachine::new(config, Moment::at(Time::ZERO)), millis: 0 };
        for (order, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            bench.input(BrownoutInput::Part { order, name: name.to_owned() });
        }
        bench
    }

    fn input(&mut self, input: BrownoutInput) {
        let moment = Moment::at(Time::ZERO.after(Duration::from_millis(self.millis)));
        self.machine.step(moment, None, &input, &mut Effects::default());
    }

    fn status(&self) -> BrownoutStatus {
        self.machine.status(Time::ZERO)
    }

    /// Seconds with a hundred calls each, which take what the dimmer makes of them.
    fn run(&mut self, seconds: u64, takes: impl Fn(u32) -> u64) {
        for _ in 0..seconds * 100 {
            self.millis += 10;
            let latency = Duration::from_millis(takes(self.status().dimmer));
            self.input(BrownoutInput::Took { latency });
        }
    }

    /// Which parts are on for most calls.
    fn on(&self) -> String {
        let status = self.status();
        let parts = [(1, "a"), (2, "b"), (3, "c"), (4, "d")];
        let is_on = |(order, name): &(u32, &str)| {
            (0..1_000).filter(|call| status.allows(*order, name, *call)).count() > 500
        };
        parts.iter().filter(|part| is_on(part)).map(|(_, name)| *name).collect()
    }
}

#[test]
fn while_calls_are_fast_everything_is_on() {
    let mut bench = Bench::new();
    bench.run(60, |_| 90);
    assert_eq!((bench.status().dimmer, bench.on().as_str()), (1_000, "abcd"));
}

#[test]
fn under_stress_the_least_important_parts_go_first_and_come_back_last() {
    let mut bench = Bench::new();
    let mut seen = vec![bench.on()];
    let mut watch = |bench: &mut Bench, takes: u64| {
        for _ in 0..12 {
            bench.run(1, |_| takes);
            let on = bench.on();
            if seen.last() != Some(&on) {
                seen.push(on);
            }
        }
    };
    watch(&mut bench, 200);
    watch(&mut bench, 20);
    for on in &seen {
        assert!("abcd".starts_with(on.as_str()), "{seen:?}");
    }
    assert!(seen.iter().any(String::is_empty), "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("abcd"));
}

#[test]
fn it_settles_where_the_latency_is_on_target() {
    let mut bench = Bench::new();
    // All parts cost 160 ms, none costs 40: the target is met with half of them.
    bench.run(60, |dimmer| 40 + u64::from(dimmer) * 120 / 1_000);
    for _ in 0..10 {
        bench.run(1, |dimmer| 40 + u64::from(dimmer) * 120 / 1_000);
        let dimmer = bench.status().dimmer;
        assert!((400..=600).contains(&dimmer), "{dimmer}");
    }
}

#[test]
fn a_spell_in_which_it_can_go_no_further_does_not_wind_it_up() {
    let mut short = Bench::new();
    short.run(10, |_| 900);
    let mut long = Bench::new();
    long.run(600, |_| 900);
    assert_eq!((short.status().dimmer, long.status().dimmer), (0, 0));
    for bench in [&mut short, &mut long] {
        bench.run(2, |_| 20);
        assert!(bench.status().dimmer > 300, "{}", bench.status().dimmer);
    }
    assert_eq!(short.status().dimmer, long.status().dimmer);
}

#[test]
fn a_few_calls_tell_nothing_and_silence_brings_everything_back() {
    let mut bench = Bench::new();
    for _ in 0..9 {
        bench.millis += 300;
        bench.input(BrownoutInput::Took { latency: Duration::from_millis(900) });
    }
    assert_eq!(bench.status().dimmer, 1_000);
    bench.run(10, |_| 900);
    assert_eq!(bench.status().dimmer, 0);
    bench.millis += 60_000;
    bench.input(BrownoutInput::Took { latency: Duration::from_millis(900) });
    assert_eq!(bench.status().dimmer, 1_000);
}

#[test]
fn without_a_target_nothing_is_dimmed_and_half_of_the_total_is_one() {
    let config = DegradeGracefully::default();
    let mut bench = Bench { machine: BrownoutMachine::new(config, Moment::at(Time::ZERO)), millis: 0 };
    bench.run(20, |_| 100_000);
    assert_eq!(bench.status().dimmer, 1_000);
    let total = Some(Duration::from_secs(2));
    assert_eq!(config.within(total).latency_target, Some(Duration::from_secs(1)));
    let written = DegradeGracefully { latency_target: Some(Duration::from_millis(300)) };
    assert_eq!(written.within(total), written);
}

#[test]
fn parts_beyond_the_most_are_not_told_apart() {
    let mut bench = Bench::new();
    for order in 0..200 {
        bench.input(BrownoutInput::Part { order, name: format!("part {order}") });
    }
    assert_eq!(bench.status().parts.len(), MOST_PARTS);
}

proptest! {
    #[test]
    fn a_part_that_is_on_for_a_call_has_all_more_important_ones_on_too(
        dimmer in 0_u32..=1_000,
        call in any::<u64>(),
    ) {
        let status = BrownoutStatus { dimmer, ..Bench::new().status() };
        let on = [(1, "a"), (2, "b"), (3, "c"), (4, "d")].map(|(order, name)| status.allows(order, name, call));
        prop_assert!(on.is_sorted_by(|more, less| more >= less), "{:?}", on);
    }

    #[test]
    fn over_many_calls_as_much_is_on_as_the_dimmer_says(dimmer in 0_u32..=1_000) {
        let status = BrownoutStatus { dimmer, ..Bench::new().status() };
        let parts = [(1, "a"), (2, "b"), (3, "c"), (4, "d")];
        let on = (0..1_000_u64)
            .flat_map(|call| parts.map(|(order, name)| status.allows(order, name, call)))
            .filter(|on| *on)
            .count();
        prop_assert!(on.abs_diff(dimmer as usize * 4) <= 40, "{} of {}", on, dimmer * 4);
    }
}
