use super::*;

#[test]
fn an_attacker_stays_refused_however_many_other_keys_are_sent() {
    let mut bench = Bench::new(&limit(20, "minute").with("max_keys", 10_000));
    assert_eq!(bench.pass("attacker", 21), 20);
    for other in 0..10_001 {
        bench.check(&format!("other {other}"), 1).ok();
        assert!(bench.machine.status(bench.now).keys <= 10_000);
    }
    assert!(bench.check("attacker", 1).is_err());
}

#[test]
fn keys_without_a_place_share_one_quota_which_is_counted_and_said_once() {
    let mut bench = Bench::new(&limit(3, "minute").with("max_keys", 2));
    bench.check("a", 1).unwrap();
    bench.check("b", 1).unwrap();
    assert_eq!([bench.pass("c", 2), bench.pass("d", 5), bench.pass("e", 1)], [2, 1, 0]);
    assert_eq!(bench.pass("a", 5), 2);
    let status = bench.machine.status(bench.now);
    assert_eq!((status.keys, status.overflowed), (2, 8));
    assert_eq!(bench.notices.len(), 1);
}

#[test]
fn only_a_key_whose_quota_is_whole_again_gives_its_place_away() {
    for settings in [limit(2, "minute"), bucket(2, "minute"), fixed(2, "minute")] {
        let mut bench = Bench::new(&settings.with("max_keys", 2));
        bench.check("old", 1).unwrap();
        bench.at(10_000).check("young", 2).unwrap();
        bench.check("early", 1).unwrap();
        assert_eq!(bench.machine.status(bench.now).overflowed, 1);
        bench.at(60_000).check("new", 1).unwrap();
        assert_eq!(bench.machine.status(bench.now).overflowed, 1);
        assert!(bench.machine.status(bench.now).keys <= 2);
    }
}

#[test]
fn a_key_that_leaves_the_shared_quota_takes_along_what_was_spent_there() {
    let mut bench = Bench::new(&limit(3, "minute").with("max_keys", 1));
    bench.check("first", 1).unwrap();
    assert_eq!(bench.at(30_000).pass("mover", 5), 3);
    assert_eq!(bench.at(60_000).pass("mover", 5), 0);
    assert_eq!(bench.at(90_000).pass("mover", 5), 3);
    assert_eq!(bench.notices.len(), 1);
}

#[test]
fn idle_keys_go_without_a_timer() {
    let mut bench = Bench::new(&limit(1, "second"));
    for key in 0..100 {
        bench.check(&format!("key {key}"), 1).unwrap();
    }
    for second in 1..=60 {
        bench.at(second * 1_000).check("steady", 1).unwrap();
    }
    assert_eq!(bench.machine.status(bench.now).keys, 1);
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_refused_or_free_look_takes_no_place() {
    let mut bench = Bench::new(&limit(1, "second"));
    assert_eq!(bench.check("looks", 0), Ok(1));
    assert_eq!(bench.check("never fits", 2), Err(None));
    assert_eq!(bench.machine.status(bench.now).keys, 0);
}

#[test]
fn a_long_key_is_kept_as_its_digest_and_stays_itself() {
    let mut bench = Bench::new(&limit(1, "minute"));
    let long = "k".repeat(1_000_000);
    assert!(bench.check(&long, 1).is_ok());
    assert!(bench.check(&long, 1).is_err());
    assert!(bench.check(&long[1..], 1).is_ok());
}

#[test]
fn a_smaller_table_takes_no_place_away_and_gives_none_until_it_fits() {
    let settings = limit(1, "minute");
    let mut bench = Bench::new(&settings);
    for key in ["a", "b", "c"] {
        bench.check(key, 1).unwrap();
    }
    bench.reconfigure(&settings.clone().with("max_keys", 1));
    for key in ["a", "b", "c"] {
        assert!(bench.at(1_000).check(key, 1).is_err());
    }
    assert!(bench.check("d", 1).is_ok());
    assert!(bench.check("e", 1).is_err());
    for second in 60..70 {
        bench.at(second * 1_000).check("a", 1).ok();
    }
    assert_eq!(bench.machine.status(bench.now).keys, 1);
}

#[test]
fn a_snapshot_with_more_keys_than_have_room_flatters_none_of_them() {
    let mut first = Bench::new(&limit(2, "minute"));
    for key in ["a", "b", "c"] {
        first.check(key, 2).unwrap();
    }
    let bytes = first.machine.snapshot(first.moment());
    let mut second = Bench::new(&limit(2, "minute").with("max_keys", 1));
    second.machine.restore(second.moment(), &bytes).unwrap();
    for key in ["a", "b", "c"] {
        assert!(second.check(key, 1).is_err(), "{key}");
    }
}

#[test]
fn a_check_that_nobody_waits_for_spends_nothing() {
    let mut bench = Bench::new(&limit(1, "minute"));
    let input = LimiterInput::Check { key: "a".to_owned(), cost: 1, hold: false, patience: Duration::ZERO };
    assert_eq!(bench.input(None, &input), None);
    assert_eq!(bench.check("a", 1), Ok(0));
}
