use super::*;

const KINDS: [fn(i64, &str) -> Settings; 3] = [limit, bucket, fixed];

#[test]
fn a_call_that_a_later_limiter_refuses_spends_nothing_of_the_earlier_one() {
    let mut minute = Bench::new(&limit(2, "minute"));
    let mut second = Bench::new(&limit(1, "second"));
    let mut both = |millis: u64| {
        let held = minute.at(millis).hold("", 1).unwrap();
        let passes = second.at(millis).check("", 1).is_ok();
        let end = if passes { LimiterInput::Settle(held) } else { LimiterInput::GiveBack(held) };
        minute.input(None, &end);
        passes
    };
    assert_eq!([both(0), both(0), both(1_000)], [true, false, true]);
    assert_eq!(minute.check("", 1), Err(millis(59_000)));
}

#[test]
fn what_is_given_back_can_be_had_again_and_only_once() {
    for settings in KINDS.map(|kind| kind(3, "minute")) {
        let mut bench = Bench::new(&settings);
        let held = bench.hold("a", 2).unwrap();
        assert_eq!(bench.check("a", 1), Ok(0));
        bench.give_back(held);
        bench.give_back(held);
        bench.give_back(Ticket(u64::MAX));
        assert_eq!(bench.pass("a", 5), 2);
        assert_eq!(bench.machine.status(bench.now).held, 0);
    }
}

/// A key that could have been dropped starts anew, from what stands in the overflow usage.
#[test]
fn what_was_held_before_a_key_started_anew_gives_nothing_of_what_it_spent_since_back() {
    let mut bench = Bench::new(&bucket(5, "500ms").with("max_keys", 3));
    bench.hold("a", 1).unwrap();
    let held = bench.hold("a", 1).unwrap();
    bench.hold("b", 2).unwrap();
    bench.hold("c", 2).unwrap();
    bench.at(77).hold("beyond the table", 2).unwrap();
    bench.at(200).hold("a", 3).unwrap();
    bench.give_back(held);
    assert!(bench.check("a", 3).is_err(), "what is spent now went with what was held before");
}

#[test]
fn what_is_settled_cannot_be_given_back() {
    for settings in KINDS.map(|kind| kind(3, "minute")) {
        let mut bench = Bench::new(&settings);
        let held = bench.hold("a", 3).unwrap();
        bench.input(None, &LimiterInput::Settle(held));
        bench.give_back(held);
        assert_eq!(bench.pass("a", 5), 0);
    }
}

#[test]
fn a_plain_grant_cannot_be_given_back() {
    for settings in KINDS.map(|kind| kind(3, "minute")) {
        let mut bench = Bench::new(&settings);
        let (ticket, _) = bench.ask("a", 3, false);
        bench.give_back(ticket);
        assert_eq!(bench.pass("a", 5), 0);
    }
}

#[test]
fn giving_back_does_not_return_what_a_full_bucket_would_have_lost() {
    let mut bench = Bench::new(&bucket(10, "10s"));
    let held = bench.hold("", 5).unwrap();
    assert_eq!(bench.at(4_000).check("", 9), Ok(0));
    bench.give_back(held);
    // Without the held five the bucket had been full at 4 s: ten less nine.
    assert_eq!(bench.pass("", 10), 1);
}

#[test]
fn holds_may_end_in_any_order() {
    for settings in KINDS.map(|kind| kind(4, "minute")) {
        let mut bench = Bench::new(&settings);
        let tickets: Vec<Ticket> = (0..4).map(|_| bench.hold("", 1).unwrap()).collect();
        for index in [3, 0, 2] {
            bench.give_back(tickets[index]);
        }
        assert_eq!(bench.pass("", 5), 3);
    }
}

#[test]
fn what_is_held_for_a_whole_window_counts_as_spent_and_is_forgotten() {
    for settings in KINDS.map(|kind| kind(3, "second")) {
        let mut bench = Bench::new(&settings);
        let late = bench.hold("", 1).unwrap();
        assert_eq!(bench.at(1_000).pass("", 5), 3);
        assert_eq!(bench.machine.status(bench.now).held, 0);
        bench.give_back(late);
        assert_eq!(bench.pass("", 5), 0);
    }
}

#[test]
fn new_settings_spend_what_is_held() {
    for kind in KINDS {
        let mut bench = Bench::new(&kind(3, "minute"));
        let held = bench.hold("", 3).unwrap();
        bench.reconfigure(&kind(4, "minute"));
        bench.give_back(held);
        assert_eq!(bench.pass("", 5), 1);
    }
}

#[test]
fn a_history_that_grows_too_long_settles_its_oldest_hold() {
    let mut bench = Bench::new(&bucket(10_000, "day"));
    let first = bench.hold("", 100).unwrap();
    assert_eq!(bench.pass("", 1_100), 1_100);
    let second = bench.hold("", 100).unwrap();
    bench.give_back(first);
    assert_eq!(bench.check("", 1), Ok(10_000 - 1_301));
    bench.give_back(second);
    assert_eq!(bench.check("", 1), Ok(10_000 - 1_202));
}
