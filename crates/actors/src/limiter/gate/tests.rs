use super::*;

#[test]
fn what_a_thread_takes_that_was_away_until_the_part_was_over_goes_back_and_it_asks() {
    let settings = crate::settings::Settings::new().with("requests", 6_000).with("per", "minute");
    let gate = LimiterGate::new(&LimiterConfig::from_settings(&settings).unwrap(), Grants::On);
    let clock = Clock::system();
    gate.shared.0.tokens.lease(Left { part: 7, tokens: 10 });
    let read = OPEN | 7;
    let now = clock.now();
    for (published, end, is_in_time) in [
        (read, now, true),
        (read | TIMED, now.after(Duration::from_secs(60)), true),
        (read | TIMED, now, false),
        (OPEN | 8, now.after(Duration::from_secs(60)), false),
        (0, now, false),
    ] {
        let Found::Granted(_, taken) = gate.take_shared(7, &clock) else { panic!("ten are left") };
        gate.end.store(end.as_nanos(), Ordering::Release);
        gate.span.store(published, Ordering::Release);
        assert_eq!(gate.is_in_time(read, &clock), is_in_time, "{published:x}");
        assert_eq!(gate.too_late("", taken), Found::Ask);
        assert_eq!(gate.shared.0.tokens.left(), Some(Left { part: 7, tokens: 10 }));
    }
}
