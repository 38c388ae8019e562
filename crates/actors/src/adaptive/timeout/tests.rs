use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::{Moment, Time, WallTime};
use crate::event::Happening;
use crate::machine::{Effects, Machine as _};
use crate::settings::Settings;

const HOUR: u64 = 3_600;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(seconds: u64) -> Moment {
    let nanos = seconds * 1_000_000_000;
    Moment { now: Time::from_nanos(nanos), wall: WallTime::from_nanos(nanos), random: 0 }
}

struct Bench {
    machine: AdaptiveMachine,
    seconds: u64,
}

impl Bench {
    /// Starts at 1 s, goes up to 8 s, a tenth of the way with each sample.
    fn new() -> Self {
        Self::of(&Settings::new().with("base_timeout", "1s").with("max_timeout", "8s"))
    }

    fn of(settings: &Settings) -> Self {
        let config = AdaptiveTimeout::from_settings(settings).unwrap();
        Bench { machine: AdaptiveMachine::new(config, at(0)), seconds: 0 }
    }

    fn input(&mut self, input: AdaptiveInput) -> Vec<Happening> {
        let mut effects = Effects::default();
        self.machine.step(at(self.seconds), None, &input, &mut effects);
        effects.take_happenings()
    }

    fn succeed(&mut self, latency: u64, times: u32) {
        let ended = at(self.seconds).now;
        for _ in 0..times {
            self.input(AdaptiveInput::Succeeded { latency: millis(latency), ended });
        }
    }

    fn status(&self) -> AdaptiveStatus {
        self.machine.status(at(self.seconds).now)
    }

    fn limit(&self) -> Duration {
        self.status().limit(at(self.seconds).wall, false)
    }
}

#[test]
fn it_starts_at_its_base_and_twenty_successes_are_needed_before_it_moves() {
    let mut bench = Bench::new();
    bench.succeed(100, 19);
    assert_eq!(bench.limit(), millis(1_000));
    bench.succeed(100, 1);
    assert!(bench.limit() < millis(1_000), "{:?}", bench.limit());
}

#[test]
fn it_comes_down_to_twice_what_is_needed_by_its_share_of_the_way_with_each_success() {
    let mut bench = Bench::new();
    bench.succeed(100, 20);
    // A tenth of the way from 1 s to some 200 ms.
    assert!(bench.limit() > millis(915) && bench.limit() < millis(925), "{:?}", bench.limit());
    bench.succeed(100, 200);
    assert!(bench.limit() >= millis(200) && bench.limit() < millis(208), "{:?}", bench.limit());
    let halves = Settings::new().with("base_timeout", "1s").with("adjustment_factor", 0.5);
    let mut bench = Bench::of(&halves);
    bench.succeed(100, 20);
    assert!(bench.limit() > millis(595) && bench.limit() < millis(605), "{:?}", bench.limit());
}

#[test]
fn a_call_that_was_cut_raises_it_at_once_to_twice_and_many_at_once_no_further() {
    let mut bench = Bench::new();
    bench.succeed(100, 200);
    let limit = bench.limit();
    let told = bench.input(AdaptiveInput::Cut { limit });
    assert_eq!((bench.limit(), told.len()), (limit * 2, 1));
    for _ in 0..50 {
        bench.input(AdaptiveInput::Cut { limit });
    }
    assert_eq!((bench.limit(), bench.status().cuts), (limit * 2, 51));
    for _ in 0..9 {
        let limit = bench.limit();
        bench.input(AdaptiveInput::Cut { limit });
    }
    assert_eq!(bench.limit(), millis(8_000), "never above max_timeout");
}

#[test]
fn a_service_that_became_slower_than_its_limit_is_learned_from_cuts_alone() {
    let mut bench = Bench::new();
    bench.succeed(20, 300);
    let mut cut = 0;
    while bench.limit() < millis(700) {
        let limit = bench.limit();
        bench.input(AdaptiveInput::Cut { limit });
        cut += 1;
    }
    assert!(cut <= 5, "{cut} calls were cut before one could succeed");
}

#[test]
fn the_hour_of_the_day_raises_it_before_the_first_call_of_that_hour_and_never_lowers_it() {
    let mut bench = Bench::new();
    // For three days: 1,500 ms from three to four, 100 ms else.
    for hour in 0..72 {
        let slow = hour % 24 == 3;
        for quarter in 0..4 {
            bench.seconds = hour * HOUR + quarter * 900;
            bench.succeed(if slow { 1_500 } else { 100 }, 1_500);
        }
    }
    bench.seconds = 72 * HOUR + 2 * HOUR + HOUR / 2;
    bench.succeed(100, 5_000);
    assert!(bench.limit() < millis(300), "at half past two: {:?}", bench.limit());
    bench.seconds = 72 * HOUR + 3 * HOUR + 1;
    assert!(bench.limit() >= millis(3_000), "at three, before any call: {:?}", bench.limit());
    bench.seconds = 72 * HOUR + 4 * HOUR + 1;
    assert!(bench.limit() < millis(300), "at four: {:?}", bench.limit());
}

#[test]
fn busy_processors_stretch_it_up_to_twice() {
    let mut bench = Bench::new();
    bench.succeed(100, 300);
    let idle = bench.limit();
    for (busy, expected) in [(0, idle), (80, idle), (90, idle * 3 / 2), (100, idle * 2), (250, idle * 2)] {
        bench.input(AdaptiveInput::Load { busy });
        assert_eq!(bench.limit(), expected, "{busy} %");
    }
}

#[test]
fn how_late_the_runtime_notices_answers_is_added_to_it() {
    let mut bench = Bench::new();
    bench.succeed(100, 300);
    let before = bench.limit();
    bench.seconds = 100;
    for _ in 0..100 {
        let ended = Time::from_nanos(at(100).now.as_nanos() - 50_000_000);
        bench.input(AdaptiveInput::Succeeded { latency: millis(100), ended });
    }
    let added = bench.limit() - before;
    assert!(added >= millis(49) && added <= millis(50), "{added:?}");
    bench.succeed(100, 100);
    assert!(bench.limit() - before < millis(1));
}

#[test]
fn a_probe_of_the_breaker_gets_the_base_at_least() {
    let mut bench = Bench::new();
    bench.succeed(100, 300);
    let wall = at(0).wall;
    assert_eq!(bench.status().limit(wall, true), millis(1_000));
    let limit = millis(2_000);
    bench.input(AdaptiveInput::Cut { limit });
    assert_eq!(bench.status().limit(wall, true), millis(4_000));
}

#[test]
fn what_it_learned_outlives_a_restart_and_damage_leaves_it_as_it_was() {
    let mut before = Bench::new();
    for hour in 0..30 {
        before.seconds = hour * HOUR;
        before.succeed(if hour % 24 == 3 { 900 } else { 50 }, 300);
    }
    let bytes = before.machine.snapshot(at(before.seconds));
    let mut after = Bench::new();
    after.machine.restore(at(7), &bytes).unwrap();
    assert_eq!(after.status().learned, before.status().learned);
    assert_eq!(after.status().samples, before.status().samples);
    assert_eq!(after.status().hours, before.status().hours);
    after.seconds = 3 * HOUR;
    assert!(after.limit() >= millis(1_800));
    for broken in [&bytes[..bytes.len() - 1], &[]] {
        let mut fresh = Bench::new();
        assert!(fresh.machine.restore(at(0), broken).is_err());
        assert_eq!(fresh.status(), Bench::new().status());
    }
    let smaller = Settings::new().with("base_timeout", "10ms").with("max_timeout", "60ms");
    let mut smaller = Bench::of(&smaller);
    smaller.machine.restore(at(7), &bytes).unwrap();
    assert_eq!(smaller.limit(), millis(60), "another deploy's max_timeout holds");
}

#[test]
fn fast_services_are_not_cut_by_the_scheduler() {
    let mut bench = Bench::new();
    bench.succeed(0, 500);
    assert_eq!(bench.limit(), millis(10));
}

proptest! {
    #[test]
    fn it_is_never_below_what_recent_successes_needed_and_never_above_its_most(
        steps in prop::collection::vec((0_u8..4, 1_u64..20_000), 1..400),
        factor in 0.001..=1.0,
    ) {
        let settings = Settings::new()
            .with("base_timeout", "1s")
            .with("max_timeout", "8s")
            .with("adjustment_factor", factor);
        let mut bench = Bench::of(&settings);
        let mut latencies = Vec::new();
        for (step, value) in steps {
            match step {
                0 | 1 => {
                    bench.succeed(value, 1);
                    latencies.push(value);
                }
                2 => drop(bench.input(AdaptiveInput::Cut { limit: millis(value) })),
                _ => drop(bench.input(AdaptiveInput::Load { busy: u32::try_from(value % 101).unwrap() })),
            }
            let limit = bench.limit();
            prop_assert!(limit <= millis(8_000) && limit >= millis(10), "{:?}", limit);
            if latencies.len() >= 20 {
                // Of fewer than a thousand, 99.9 % are all of them.
                let needed = latencies.iter().copied().max().map_or(Duration::ZERO, millis);
                prop_assert!(limit >= needed.min(millis(8_000)), "{:?} {:?}", limit, needed);
            }
        }
    }
}
