use std::time::Duration;

use super::*;

/// Ten of the seventh part, and no shares.
fn leased(gate: &LimiterGate, tokens: u32, shares: bool) {
    gate.shared.lease(Left { term: Term::new(7, 0), tokens }, shares, 0, Time::MAX);
}

fn gate() -> LimiterGate {
    let settings = crate::settings::Settings::new().with("requests", 6_000).with("per", "minute");
    LimiterGate::new(&LimiterConfig::from_settings(&settings).unwrap(), Grants::On)
}

fn left(gate: &LimiterGate) -> u64 {
    let (part, left) = gate.shared.take_back();
    assert_eq!(part, 7);
    left
}

#[test]
fn what_a_thread_takes_that_was_away_until_the_part_was_over_goes_back_and_it_asks() {
    let (gate, clock) = (gate(), Clock::system());
    let read = OPEN | 7;
    let now = clock.now();
    for (published, end, is_in_time) in [
        (read, now, true),
        (read | TIMED, now.after(Duration::from_secs(60)), true),
        (read | TIMED, now, false),
        (OPEN | 8, now.after(Duration::from_secs(60)), false),
        (7, now.after(Duration::from_secs(60)), false),
        (0, now, false),
    ] {
        leased(&gate, 10, false);
        let Found::Granted(_, taken) = gate.take_shared(read, &clock) else { panic!("ten are left") };
        gate.end.store(end.as_nanos(), Ordering::Release);
        gate.span.store(published, Ordering::Release);
        assert_eq!(gate.is_in_time(read, &clock), is_in_time, "{published:x}");
        gate.too_late("", taken);
        assert_eq!(left(&gate), 10);
    }
}

#[test]
fn a_share_is_there_until_it_is_closed_and_what_is_left_of_it_goes_back_into_the_lease() {
    let (gate, clock) = (gate(), Clock::system());
    leased(&gate, 6_000, true);
    gate.span.store(OPEN | 7, Ordering::Release);
    let remaining = |found| match found {
        Found::Granted(decision, _) => Some(decision.remaining),
        Found::Refused(_) | Found::Ask => None,
    };
    assert_eq!(gate.take_share(), None, "nobody has a share before it took one");
    assert_eq!(remaining(gate.take(&clock)), Some(5_999));
    assert_eq!(gate.take_share().map(|decision| decision.remaining), Some(5_998));
    // From here on callers look at the clock: whoever read before that the part runs gets nothing of a share any more.
    gate.withdraw();
    gate.end.store(u64::MAX, Ordering::Release);
    gate.span.store(OPEN | TIMED | 7, Ordering::Release);
    assert_eq!(gate.take_share(), None);
    assert_eq!(remaining(gate.take_shared(OPEN | 7, &clock)), Some(5_997));
    assert_eq!(gate.take_share(), None, "a share that was closed is filled again");
    assert_eq!(left(&gate), 5_997);
}

#[test]
fn what_was_granted_until_a_time_that_is_over_ends_and_it_is_said_that_there_was_any() {
    let gate = gate();
    gate.end.store(100, Ordering::Release);
    gate.span.store(OPEN | 7, Ordering::Release);
    assert!(!gate.end(Time::from_nanos(99)));
    leased(&gate, 6_000, true);
    gate.take(&Clock::system());
    assert!(gate.end(Time::from_nanos(100)));
    assert_eq!((gate.take_share(), gate.take(&Clock::system())), (None, Found::Ask));
    assert!(!gate.end(Time::from_nanos(101)), "there is nothing more to end");
}
