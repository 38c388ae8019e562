use super::*;

const KINDS: [fn(i64, &str) -> Settings; 3] = [limit, bucket, fixed];

/// One a second, used up at zero.
fn used_up(kind: fn(i64, &str) -> Settings) -> Bench {
    let mut bench = Bench::new(&kind(1, "second").with("max_wait", "1h"));
    bench.check("", 1).unwrap();
    bench
}

impl Bench {
    /// Joins the line.
    fn queue(&mut self, cost: u64, expected: u64) -> Ticket {
        let (ticket, reply) = self.ask_patiently("", cost, false, 3_600_000);
        assert_eq!(reply, LimiterReply::Queued { expected: Duration::from_millis(expected) });
        ticket
    }

    /// Who was granted later, and at which millisecond.
    fn granted(&self) -> Vec<(u64, Ticket)> {
        let granted = self.later.iter().filter(|(_, _, reply)| matches!(reply, LimiterReply::Granted(_)));
        granted.map(|(at, ticket, _)| (*at, *ticket)).collect()
    }
}

#[test]
fn whoever_waits_is_granted_in_turn_at_the_very_time_it_was_told() {
    for kind in KINDS {
        let mut bench = used_up(kind);
        let tickets = [bench.queue(1, 1_000), bench.queue(1, 2_000), bench.queue(1, 3_000)];
        bench.run_to(10_000);
        assert_eq!(bench.granted(), [(1_000, tickets[0]), (2_000, tickets[1]), (3_000, tickets[2])]);
        assert_eq!(bench.machine.deadline(), None);
    }
}

#[test]
fn a_cancelled_waiter_neither_spends_nor_blocks_the_line() {
    for kind in KINDS {
        let mut bench = used_up(kind);
        let (first, second) = (bench.queue(1, 1_000), bench.queue(1, 2_000));
        bench.run_to(500).give_back(first);
        bench.run_to(5_000);
        assert_eq!(bench.granted(), [(1_000, second)]);
    }
}

#[test]
fn a_waiter_that_is_cancelled_just_as_it_is_granted_passes_its_turn_on_at_that_moment() {
    for kind in KINDS {
        let mut bench = used_up(kind);
        let (first, second) = (bench.queue(1, 1_000), bench.queue(1, 2_000));
        bench.run_to(1_000);
        assert_eq!(bench.granted(), [(1_000, first)]);
        bench.give_back(first);
        assert_eq!(bench.granted(), [(1_000, first), (1_000, second)]);
        assert_eq!(bench.check("", 1), Err(millis(1_000)));
    }
}

#[test]
fn nobody_overtakes_the_line_not_even_with_a_smaller_cost_or_past_a_late_timer() {
    for kind in KINDS {
        let mut bench = Bench::new(&kind(3, "3s").with("max_wait", "1h"));
        bench.check("", 1).unwrap();
        let (first, reply) = bench.ask_patiently("", 3, false, 3_600_000);
        assert!(matches!(reply, LimiterReply::Queued { .. }));
        assert!(bench.check("", 1).is_err(), "two are left, and belong to who came first");
        assert!(bench.at(3_001).check("", 1).is_err());
        bench.expire();
        assert_eq!(bench.granted(), [(3_001, first)]);
    }
}

#[test]
fn whoever_would_wait_longer_than_its_patience_or_max_wait_is_refused_at_once_with_the_true_time() {
    let mut bench = Bench::new(&limit(1, "second").with("max_wait", "2s"));
    bench.check("", 1).unwrap();
    for (patience, told) in [(999, 1_000), (0, 1_000)] {
        let (_, reply) = bench.ask_patiently("", 1, false, patience);
        assert!(matches!(reply, LimiterReply::Refused { retry_after, .. } if retry_after == millis(told)));
    }
    bench.queue(1, 1_000);
    bench.queue(1, 2_000);
    let (_, reply) = bench.ask_patiently("", 1, false, 3_600_000);
    assert!(matches!(reply, LimiterReply::Refused { retry_after, .. } if retry_after == millis(3_000)));
    assert_eq!(bench.run_to(3_000).check("", 1), Ok(0));
}

#[test]
fn without_max_wait_nobody_waits() {
    let mut bench = Bench::new(&limit(1, "second"));
    bench.check("", 1).unwrap();
    let (_, reply) = bench.ask_patiently("", 1, false, 3_600_000);
    assert!(matches!(reply, LimiterReply::Refused { .. }));
}

#[test]
fn new_settings_move_the_line_up_or_refuse_who_can_no_longer_pass() {
    for kind in KINDS {
        let settings = |requests| kind(requests, "minute").with("max_wait", "1h");
        let mut bench = Bench::new(&settings(2));
        bench.check("", 2).unwrap();
        let [small, large] = [1, 2].map(|cost| bench.ask_patiently("", cost, false, 3_600_000).0);
        bench.reconfigure(&settings(1));
        let never_fits = |reply| matches!(reply, LimiterReply::Refused { retry_after: None, .. });
        assert!(matches!(bench.later[..], [(0, ticket, reply)] if ticket == large && never_fits(reply)));
        bench.reconfigure(&settings(3));
        assert_eq!(bench.granted(), [(0, small)]);
        assert_eq!(bench.machine.status(bench.now).waiting, 0);
    }
}

#[test]
fn new_settings_refuse_at_once_who_would_now_come_too_late() {
    let mut bench = Bench::new(&limit(1, "second").with("max_wait", "2s"));
    bench.check("", 1).unwrap();
    let [first, second] = [1_000, 2_000].map(|_| bench.ask_patiently("", 1, false, 2_000).0);
    bench.reconfigure(&limit(1, "2s").with("max_wait", "2s"));
    let told =
        |reply| matches!(reply, LimiterReply::Refused { retry_after, .. } if retry_after == millis(4_000));
    assert!(matches!(bench.later[..], [(0, ticket, reply)] if ticket == second && told(reply)));
    bench.run_to(2_000);
    assert_eq!(bench.granted(), [(2_000, first)]);
}

#[test]
fn a_key_that_somebody_waits_for_keeps_its_place_even_when_a_late_timer_lets_it_become_whole() {
    let mut bench = Bench::new(&limit(1, "second").with("max_wait", "1h").with("max_keys", 1));
    bench.check("", 1).unwrap();
    let waiter = bench.queue(1, 1_000);
    assert!(bench.at(5_000).check("other", 1).is_ok());
    assert_eq!(bench.machine.status(bench.now).overflowed, 1);
    bench.expire();
    assert_eq!(bench.granted(), [(5_000, waiter)]);
    assert!(bench.check("", 1).is_err());
    bench.at(6_000).check("other", 1).unwrap();
    assert_eq!(bench.machine.status(bench.now).overflowed, 1);
}

#[test]
fn a_queued_grant_that_nobody_settles_counts_as_spent() {
    let mut bench = used_up(limit);
    let first = bench.queue(1, 1_000);
    bench.run_to(2_000).check("", 1).unwrap();
    assert_eq!(bench.machine.status(bench.now).held, 0);
    bench.give_back(first);
    assert!(bench.check("", 1).is_err());
}

#[test]
fn nobody_waits_for_the_shared_quota() {
    let mut bench = Bench::new(&limit(1, "second").with("max_wait", "1h").with("max_keys", 1));
    bench.check("first", 1).unwrap();
    bench.check("second", 1).unwrap();
    let (_, reply) = bench.ask_patiently("second", 1, false, 3_600_000);
    assert!(matches!(reply, LimiterReply::Refused { retry_after, .. } if retry_after == millis(1_000)));
}
