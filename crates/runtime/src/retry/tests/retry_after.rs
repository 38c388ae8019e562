use std::time::Duration;

use steadfast_actors::clock::WallTime;

use super::super::{Wait, next_wait, parse_retry_after};

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: WallTime = WallTime::from_nanos(784_111_777_000_000_000);

#[test]
fn retry_after_is_read_as_seconds_and_in_every_form_of_an_http_date() {
    for value in [
        "3",
        " 3\t",
        "Sun, 06 Nov 1994 08:49:40 GMT",
        "Sunday, 06-Nov-94 08:49:40 GMT",
        "Sun Nov  6 08:49:40 1994",
    ] {
        assert_eq!(parse_retry_after(value, NOW), Some(Duration::from_secs(3)), "{value:?}");
    }
    assert_eq!(parse_retry_after("18446744073709551615", NOW), Some(Duration::from_secs(u64::MAX)));
}

#[test]
fn a_retry_after_that_is_past_zero_or_junk_means_the_own_backoff() {
    for value in [
        "-1",
        "+1",
        "0",
        "Wed, 21 Oct 1987 07:28:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "",
        "1e3",
        "²",
        "٣",
        "1.5",
        "99999999999999999999",
        "18446744073709551616",
        "soon",
    ] {
        assert_eq!(parse_retry_after(value, NOW), None, "{value:?}");
    }
}

const OWN: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(30);

#[test]
fn a_retry_after_is_never_undercut_and_never_shorter_than_the_own_backoff() {
    let four = Duration::from_secs(4);
    assert_eq!(next_wait(OWN, Some(four), MAX, None), Wait::For(four));
    assert_eq!(next_wait(four, Some(OWN), MAX, None), Wait::For(four));
    assert_eq!(next_wait(OWN, Some(Duration::ZERO), MAX, None), Wait::For(OWN));
    assert_eq!(next_wait(OWN, None, MAX, None), Wait::For(OWN));
    assert_eq!(next_wait(OWN, Some(MAX), MAX, None), Wait::For(MAX));
}

#[test]
fn a_retry_after_above_max_delay_or_past_the_deadline_ends_the_call_now() {
    let long = Duration::from_secs(31);
    assert_eq!(next_wait(OWN, Some(long), MAX, None), Wait::AskedTooLong(long));
    let five = Duration::from_secs(5);
    assert_eq!(next_wait(OWN, Some(five), MAX, Some(five)), Wait::AskedTooLong(five));
    let hardly = five + Duration::from_millis(9);
    assert_eq!(next_wait(OWN, Some(five), MAX, Some(hardly)), Wait::AskedTooLong(five));
    let enough = five + Duration::from_millis(10);
    assert_eq!(next_wait(OWN, Some(five), MAX, Some(enough)), Wait::For(five));
}

#[test]
fn no_backoff_is_begun_that_no_run_could_follow() {
    assert_eq!(next_wait(OWN, None, MAX, Some(OWN)), Wait::NoTimeLeft);
    assert_eq!(next_wait(OWN, None, MAX, Some(Duration::ZERO)), Wait::NoTimeLeft);
    assert_eq!(next_wait(OWN, None, MAX, Some(OWN + Duration::from_nanos(1))), Wait::For(OWN));
}
