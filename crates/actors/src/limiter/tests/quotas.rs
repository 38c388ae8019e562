use super::*;

const ALGORITHMS: [fn(i64, &str) -> Settings; 3] = [limit, bucket, fixed];

#[test]
fn one_a_second_with_a_burst_of_one_is_allowed_at_zero_refused_just_before_one_and_allowed_at_one() {
    for settings in [bucket(1, "second").with("burst", 1), limit(1, "second")] {
        let mut bench = Bench::new(&settings);
        assert_eq!(bench.check("", 1), Ok(0));
        assert_eq!(bench.check("", 1), Err(millis(1_000)));
        assert_eq!(bench.at(999).check("", 1), Err(millis(1)));
        assert_eq!(bench.at(1_000).check("", 1), Ok(0));
    }
}

#[test]
fn after_an_idle_hour_a_bucket_of_ten_gives_exactly_ten_at_once() {
    let mut bench = Bench::new(&bucket(10, "second"));
    assert_eq!(bench.pass("", 10), 10);
    assert_eq!(bench.at(3_600_000).pass("", 100), 10);
}

#[test]
fn a_sliding_window_never_holds_more_than_its_quota_across_any_edge() {
    let mut bench = Bench::new(&limit(100, "second"));
    assert_eq!(bench.at(900).pass("", 200), 100);
    assert_eq!(bench.at(1_100).pass("", 100), 0);
    assert_eq!(bench.at_nanos(1_899_999_999).pass("", 1), 0);
    assert_eq!(bench.at(1_900).pass("", 200), 100);
}

#[test]
fn a_fixed_window_lets_twice_its_quota_pass_around_an_edge() {
    let mut bench = Bench::new(&fixed(10, "minute"));
    assert_eq!(bench.at(59_000).pass("", 20), 10);
    assert_eq!(bench.check("", 1), Err(millis(1_000)));
    assert_eq!(bench.at(60_000).pass("", 20), 10);
    assert_eq!(bench.check("", 1), Err(millis(60_000)));
}

#[test]
fn fixed_windows_begin_at_full_minutes_of_the_wall_clock_and_later_jumps_move_nothing() {
    let config = LimiterConfig::from_settings(&fixed(1, "minute")).unwrap();
    let mut bench = Bench::new(&fixed(1, "minute"));
    bench.wall = WallTime::from_nanos(90_000_000_000);
    bench.machine = LimiterMachine::new(config, bench.moment());
    assert_eq!(bench.check("", 1), Ok(0));
    assert_eq!(bench.check("", 1), Err(millis(30_000)));
    bench.wall = WallTime::from_nanos(0);
    assert_eq!(bench.check("", 1), Err(millis(30_000)));
}

#[test]
fn a_wall_clock_that_steps_in_either_direction_changes_nothing() {
    for settings in ALGORITHMS.map(|kind| kind(20, "minute")) {
        let mut bench = Bench::new(&settings);
        bench.wall = WallTime::from_nanos(1_000_000_000_000);
        assert_eq!(bench.pass("", 3), 3);
        bench.wall = WallTime::from_nanos(989_000_000_000);
        assert_eq!(bench.check("", 1), Ok(16));
        bench.wall = WallTime::from_nanos(1_000_000_000_000);
        assert_eq!(bench.check("", 1), Ok(15));
    }
}

#[test]
fn a_bucket_refills_evenly_and_passes_at_most_burst_plus_rate_in_its_first_period() {
    let mut bench = Bench::new(&bucket(1_200, "minute"));
    assert_eq!(bench.pass("", 2_000), 1_200);
    assert_eq!(bench.check("", 1), Err(millis(50)));
    let passed: usize = (1..=60_000).map(|millis| bench.at(millis).pass("", 2)).sum();
    assert_eq!(passed, 1_200);
}

#[test]
fn a_rate_faster_than_one_a_nanosecond_is_counted_exactly() {
    let mut bench = Bench::new(&bucket(1_000_000_001, "second"));
    assert_eq!(bench.check("", 1_000_000_001), Ok(0));
    assert_eq!(bench.at_nanos(999_999_999).check("", 1_000_000_001), Err(Some(Duration::from_nanos(1))));
    assert_eq!(bench.at_nanos(1_000_000_000).check("", 1_000_000_001), Ok(0));
}

#[test]
fn half_a_day_of_silence_overflows_nothing_at_any_rate() {
    for requests in [213_504, 999_999_999_999_999] {
        for settings in ALGORITHMS.map(|kind| kind(requests, "second")) {
            let mut bench = Bench::new(&settings);
            assert_eq!(bench.check("", 1), Ok(requests.unsigned_abs() - 1));
            assert_eq!(bench.at(12 * 3_600_000).check("", 1), Ok(requests.unsigned_abs() - 1));
            assert!(bench.at_nanos(u64::MAX - 1).check("", 1).is_ok());
        }
    }
}

#[test]
fn four_thousand_a_second_is_one_every_250_microseconds_and_says_so() {
    let settings = bucket(4_000, "second").with("burst", 1);
    let mut bench = Bench::new(&settings);
    for call in 0..10 {
        assert_eq!(bench.at_nanos(call * 250_000).check("", 1), Ok(0));
        assert!(bench.check("", 1).is_err());
    }
    let quota = LimiterConfig::from_settings(&settings).unwrap().quota();
    assert_eq!(quota, "4000 a second (one every 250us), burst 1");
}

#[test]
fn a_cost_above_the_capacity_is_refused_without_a_time_and_spends_nothing() {
    for settings in ALGORITHMS.map(|kind| kind(3, "2s")) {
        let mut bench = Bench::new(&settings);
        assert_eq!(bench.check("a", 4), Err(None));
        assert_eq!(bench.check("a", u64::MAX), Err(None));
        assert_eq!(bench.check("a", 3), Ok(0));
        assert_eq!(bench.check("b", 3), Ok(0));
    }
}

#[test]
fn whoever_waits_as_long_as_it_was_told_is_let_in_and_not_a_nanosecond_earlier() {
    for settings in ALGORITHMS.map(|kind| kind(7, "3s")) {
        let mut bench = Bench::new(&settings);
        for nanos in [100, 1_000_000_007, 1_700_000_003] {
            bench.at_nanos(nanos).check("", 2).unwrap();
        }
        let Err(Some(wait)) = bench.check("", 6) else { panic!("six do not fit beside what was spent") };
        let ready = bench.now.after(wait).as_nanos();
        assert_eq!(bench.at_nanos(ready - 1).check("", 6), Err(Some(Duration::from_nanos(1))));
        assert!(bench.at_nanos(ready).check("", 6).is_ok());
    }
}

#[test]
fn remaining_counts_the_call_itself_and_is_there_on_refusals_and_never_negative() {
    for settings in ALGORITHMS.map(|kind| kind(3, "minute")) {
        let mut bench = Bench::new(&settings);
        let remaining: Vec<u64> = (0..5)
            .map(|_| match bench.ask("", 1, false).1 {
                LimiterReply::Granted(decision) | LimiterReply::Refused { decision, .. } => {
                    assert_eq!((decision.limit, decision.window), (3, Duration::from_secs(60)));
                    decision.remaining
                }
                other => panic!("nobody waits here: {other:?}"),
            })
            .collect();
        assert_eq!(remaining, [2, 1, 0, 0, 0]);
    }
}

#[test]
fn reset_is_the_time_until_more_is_left_and_never_longer_than_the_window() {
    for (settings, reset) in [(limit(1, "minute"), 44_800), (fixed(1, "minute"), 44_800)] {
        let mut bench = Bench::new(&settings);
        bench.check("", 1).unwrap();
        let (_, reply) = bench.at(15_200).ask("", 1, false);
        let LimiterReply::Refused { decision, retry_after } = reply else { panic!("the quota is used up") };
        assert_eq!(Some(decision.reset_after(bench.now)), millis(reset));
        assert_eq!(retry_after, millis(reset));
    }
    let mut bench = Bench::new(&bucket(10, "second"));
    let LimiterReply::Granted(before) = bench.ask("", 0, false).1 else { panic!("looking is free") };
    assert_eq!((before.remaining, before.reset_after(bench.now)), (10, Duration::ZERO));
    let LimiterReply::Granted(after) = bench.ask("", 4, false).1 else { panic!("four fit") };
    assert_eq!((after.remaining, Some(after.reset_after(bench.now))), (6, millis(100)));
}

#[test]
fn a_large_sliding_window_refuses_at_most_one_sub_window_longer_and_never_grants_earlier() {
    let mut bench = Bench::new(&limit(6_000, "minute"));
    assert_eq!(bench.at(500).check("", 6_000), Ok(0));
    assert_eq!(bench.check("", 1), Err(millis(60_500)));
    assert!(bench.at(60_500).check("", 1).is_err());
    assert_eq!(bench.at(61_000).check("", 6_000), Ok(0));
}

#[test]
fn more_requests_grant_the_difference_and_fewer_take_nothing_back_but_refill_nothing() {
    for kind in ALGORITHMS {
        let mut bench = Bench::new(&kind(10, "minute"));
        assert_eq!(bench.pass("", 20), 10);
        bench.reconfigure(&kind(10, "minute"));
        assert_eq!(bench.pass("", 20), 0);
        bench.reconfigure(&kind(5, "minute"));
        assert_eq!(bench.pass("", 20), 0);
        bench.reconfigure(&kind(12, "minute"));
        assert_eq!(bench.pass("", 20), 2);
    }
}

#[test]
fn another_period_or_algorithm_never_refills_what_was_spent() {
    for before in ALGORITHMS {
        for after in ALGORITHMS {
            for per in ["10s", "minute", "hour"] {
                let mut bench = Bench::new(&before(10, "minute"));
                assert_eq!(bench.at(1_000).pass("", 20), 10);
                bench.reconfigure(&after(10, per));
                assert_eq!(bench.pass("", 20), 0, "to {per}");
            }
        }
    }
}

#[test]
fn a_restart_of_the_process_keeps_what_was_spent_and_counts_the_time_between() {
    for kind in ALGORITHMS {
        let mut first = Bench::new(&kind(10, "minute"));
        first.at(1_000).check("a", 10).unwrap();
        first.at(20_000);
        let bytes = first.machine.snapshot(first.moment());

        let restarted = |wall_millis: u64| {
            let mut second = Bench::new(&kind(10, "minute"));
            second.wall = WallTime::from_nanos(wall_millis * 1_000_000);
            second.machine = LimiterMachine::new(
                LimiterConfig::from_settings(&kind(10, "minute")).unwrap(),
                second.moment(),
            );
            second.machine.restore(second.moment(), &bytes).unwrap();
            second
        };
        assert!(restarted(30_000).check("a", 10).is_err());
        assert!(restarted(30_000).check("b", 10).is_ok());
        // A bucket is written in whole tokens, rounded up: it may be back one token's time late, six seconds here.
        let late = if kind(1, "second") == bucket(1, "second") { 6_000 } else { 0 };
        assert!(restarted(61_000 + late).check("a", 10).is_ok());
        let Err(Some(wait)) = restarted(0).check("a", 10) else { panic!("a clock set back refills nothing") };
        assert!(wait <= Duration::from_secs(60));
    }
}

#[test]
fn a_restart_under_another_algorithm_refills_nothing() {
    for before in ALGORITHMS {
        for after in ALGORITHMS {
            let mut first = Bench::new(&before(10, "minute"));
            first.at(1_000).check("a", 10).unwrap();
            let bytes = first.machine.snapshot(first.moment());
            let mut second = Bench::new(&after(10, "minute"));
            second.machine.restore(first.moment(), &bytes).unwrap();
            assert_eq!(second.at(1_000).pass("a", 20), 0);
        }
    }
}

#[test]
fn damaged_bytes_change_nothing() {
    let mut bench = Bench::new(&limit(2, "minute"));
    bench.check("a", 2).unwrap();
    assert!(bench.machine.restore(bench.moment(), b"nonsense").is_err());
    assert!(bench.check("a", 1).is_err());
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_once_and_at_its_key() {
    let settings = Settings::new()
        .with("requests", 0)
        .with("per", "minit")
        .with("by", "usr")
        .with("algorithm", "leaky_bucket")
        .with("burst", 5)
        .with("max_wiat", "1s");
    let problems = LimiterConfig::from_settings(&settings).unwrap_err();
    let mut keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["algorithm", "burst", "by", "max_wiat", "per", "requests"]);
    let text: String = problems.iter().map(ToString::to_string).collect();
    assert!(text.contains("did you mean \"minute\"?") && text.contains("did you mean \"user\"?"));
}

#[test]
fn a_rate_that_cannot_be_represented_is_refused_where_it_is_written() {
    for (settings, key) in [
        (limit(i64::MAX, "second"), "requests"),
        (limit(-1, "second"), "requests"),
        (limit(10, "0s"), "per"),
        (limit(10, "300000d"), "per"),
        (limit(10, "10"), "per"),
        (Settings::new().with("requests", 10).with("per", 60), "per"),
        (Settings::new().with("per", "minute"), "requests"),
        (Settings::new().with("requests", 10), "per"),
        (bucket(1, "3650d").with("burst", 1_000), "burst"),
        (limit(10, "minute").with("by", "header:"), "by"),
    ] {
        let problems = LimiterConfig::from_settings(&settings).unwrap_err();
        assert_eq!(problems.len(), 1, "{settings}");
        assert_eq!(problems[0].key, key, "{settings}");
    }
}

#[test]
fn the_settings_are_kept_as_they_were_written() {
    let settings = limit(10, "10s")
        .with("name", "uploads")
        .with("by", "header:X-Client-ID")
        .with("max_keys", 5)
        .with("max_wait", "2s")
        .with("mode", "observe")
        .with("on_unavailable", "reject");
    let config = LimiterConfig::from_settings(&settings).unwrap();
    assert_eq!((config.requests(), config.per()), (10, Duration::from_secs(10)));
    assert_eq!((config.by(), config.max_keys()), (Some("header:X-Client-ID"), 5));
    assert_eq!(config.max_wait(), Some(Duration::from_secs(2)));
    assert_eq!(config.mode(), crate::settings::Mode::Observe);
    assert_eq!(config.on_unavailable(), crate::settings::OnUnavailable::Reject);
    assert_eq!(config.quota(), "10 in 10s");
    let plain = LimiterConfig::from_settings(&limit(10, "hour")).unwrap();
    assert_eq!((plain.by(), plain.max_keys(), plain.max_wait()), (None, 100_000, None));
    assert_eq!(plain.algorithm(), Algorithm::SlidingWindow);
    assert_eq!(plain.quota(), "10 an hour");
}

#[test]
fn its_status_is_said_in_a_few_words() {
    let mut bench = Bench::new(&limit(2, "minute").with("by", "user").with("max_keys", 1));
    bench.pass("a", 3);
    let said = |bench: &Bench| LimiterMachine::describe(&bench.machine.status(bench.now));
    assert_eq!(said(&bench), "1 keys, 0 waiting; 2 granted and 1 refused");
    bench.pass("b", 1);
    assert_eq!(
        said(&bench),
        "1 keys, 0 waiting; 3 granted and 1 refused, 1 of them without a place of their own"
    );
}
