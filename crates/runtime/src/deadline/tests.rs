use std::time::Duration;

use proptest::prelude::*;
use steadfast_actors::clock::Time;

use super::*;

fn at_millis(millis: u64) -> Time {
    Time::ZERO.after(Duration::from_millis(millis))
}

#[test]
fn every_unit_of_grpc_timeout_is_read_exactly() {
    for (value, nanos) in [
        ("1H", 3_600_000_000_000),
        ("1M", 60_000_000_000),
        ("10S", 10_000_000_000),
        ("250m", 250_000_000),
        ("7u", 7_000),
        ("00000042n", 42),
        ("0S", 0),
    ] {
        assert_eq!(parse_grpc_timeout(value), Ok(Duration::from_nanos(nanos)), "{value}");
    }
}

#[test]
fn garbage_in_grpc_timeout_is_refused_and_never_a_partial_number() {
    for value in [
        "",
        "H",
        "-1S",
        "+1S",
        "1e3S",
        "5",
        "100000000S",
        "1h",
        " 5S",
        "5S ",
        "5 S",
        "1.5S",
        "5SS",
        "٣S",
        "1µ",
        "0x1S",
        "1_0S",
        "5s",
        "²S",
    ] {
        assert_eq!(parse_grpc_timeout(value), Err(InvalidDeadline::GrpcTimeout), "{value:?}");
    }
}

#[test]
fn garbage_in_deadline_ms_is_refused_and_never_a_partial_number() {
    for value in ["", "-1", "+1", "1e3", " 5", "5 ", "5ms", "1.5", "²", "18446744073709551616"] {
        assert_eq!(parse_deadline_ms(value), Err(InvalidDeadline::DeadlineMs), "{value:?}");
    }
    assert_eq!(parse_deadline_ms("250"), Ok(Duration::from_millis(250)));
    assert_eq!(parse_deadline_ms("18446744073709551615"), Ok(Duration::from_millis(u64::MAX)));
}

#[test]
fn eight_digits_of_hours_never_turn_negative_and_the_servers_own_cap_holds() {
    let left = parse_grpc_timeout("99999999H").unwrap();
    assert_eq!(left, Duration::from_secs(99_999_999 * 3600));
    let now = at_millis(5_000);
    let cap = Deadline::after(now, Duration::from_secs(60));
    assert_eq!(cap.shortened_to(Deadline::from_wire(now, left)), cap);
    assert!(!cap.is_over(now));
}

#[test]
fn zero_and_less_than_ten_milliseconds_on_the_wire_are_already_over() {
    let now = at_millis(1);
    assert!(Deadline::from_wire(now, parse_grpc_timeout("0S").unwrap()).is_over(now));
    assert!(Deadline::from_wire(now, parse_deadline_ms("9").unwrap()).is_over(now));
    assert!(!Deadline::from_wire(now, parse_deadline_ms("10").unwrap()).is_over(now));
}

#[test]
fn a_very_long_timeout_never_overflows() {
    let now = at_millis(1);
    let deadline = Deadline::after(now, Duration::MAX);
    assert_eq!(deadline, Deadline::NEVER);
    assert_eq!(deadline.left(now), None);
    assert!(!deadline.is_over(at_millis(u64::MAX / 2_000_000)));
}

#[test]
fn a_childs_deadline_is_never_later_than_its_parents() {
    let parent = Deadline::after(Time::ZERO, Duration::from_millis(1_500));
    let entry = at_millis(1_400);
    let child = parent.shortened_to(Deadline::after(entry, Duration::from_secs(3)));
    assert_eq!(child.left(entry), Some(Duration::from_millis(100)));
    let late = at_millis(1_600);
    assert!(parent.shortened_to(Deadline::after(late, Duration::from_secs(3))).is_over(late));
    assert_eq!(parent.left(late), Some(Duration::ZERO));
}

proptest! {
    #[test]
    fn what_is_sent_is_never_longer_than_what_is_left(seconds in 0u64..=99_999_999 * 3600, nanos in 0u32..1_000_000_000) {
        let left = Duration::new(seconds, nanos);
        let sent = parse_grpc_timeout(&format_grpc_timeout(left)).unwrap();
        prop_assert!(sent <= left);
        // A unit a thousand times coarser begins at 100,000 of it: at most that share is lost.
        prop_assert!(left - sent <= left / 100_000);
        prop_assert!(parse_deadline_ms(&format_deadline_ms(left)).unwrap() <= left);
    }

    #[test]
    fn no_header_makes_the_parser_panic(value: String) {
        let _ = parse_grpc_timeout(&value);
        let _ = parse_deadline_ms(&value);
    }
}
