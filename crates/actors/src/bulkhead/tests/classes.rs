use super::*;

fn pool(queue: i64) -> (Pool, u64) {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", queue));
    let holder = pool.ask(Priority::Normal);
    (pool, holder)
}

#[test]
fn a_permit_goes_to_the_highest_class_that_waits() {
    let (mut pool, mut holder) = pool(4);
    let classes = [Priority::Background, Priority::Low, Priority::Normal, Priority::High];
    let waiters = classes.map(|class| pool.ask(class));
    for waiter in waiters.iter().rev() {
        pool.give_back(holder);
        holder = *waiter;
        assert!(pool.is_granted(holder));
    }
}

#[test]
fn a_full_queue_lets_a_higher_class_displace_the_youngest_of_the_lowest() {
    let (mut pool, holder) = pool(3);
    let low = [Priority::Low; 3].map(|class| pool.ask(class));
    let high = pool.ask(Priority::High);
    assert_eq!(low.map(|ticket| pool.reason(ticket)), [None, None, Some(FullReason::Displaced)]);
    pool.give_back(holder);
    assert!(pool.is_granted(high));
    let (mut pool, _) = self::pool(4);
    let low = [Priority::Low; 2].map(|class| pool.ask(class));
    let background = [Priority::Background; 2].map(|class| pool.ask(class));
    pool.ask(Priority::High);
    assert_eq!(pool.reason(background[1]), Some(FullReason::Displaced));
    pool.ask(Priority::High);
    assert_eq!(pool.reason(low[1]), Some(FullReason::Displaced));
}

#[test]
fn nobody_is_displaced_by_its_own_class_and_the_oldest_of_a_class_by_none() {
    let (mut pool, _) = pool(3);
    let waiters = [Priority::Normal, Priority::Low, Priority::Background].map(|class| pool.ask(class));
    let refused = [Priority::Background, Priority::Low, Priority::Normal, Priority::High];
    for class in refused {
        let ticket = pool.ask(class);
        assert_eq!(pool.reason(ticket), Some(FullReason::QueueFull), "{class:?}");
    }
    assert!(waiters.iter().all(|waiter| pool.is_waiting(*waiter)));
}

#[test]
fn for_displacement_a_waiter_keeps_its_declared_class_however_long_it_has_waited() {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", 2).with("max_wait", "1m"));
    pool.ask(Priority::Normal);
    let background = [Priority::Background; 2].map(|class| pool.ask(class));
    pool.pass(30_000);
    pool.ask(Priority::Low);
    assert_eq!(pool.reason(background[1]), Some(FullReason::Displaced));
}

#[test]
fn a_waiters_rank_rises_one_class_each_500_ms() {
    let classes = [(Priority::Normal, 500), (Priority::Low, 1_000), (Priority::Background, 1_500)];
    for (class, millis) in classes {
        for (waited, goes_first) in [(millis - 1, false), (millis, true)] {
            let mut pool =
                Pool::new(Settings::new().with("capacity", 1).with("queue", 2).with("max_wait", "1m"));
            let holder = pool.ask(Priority::Normal);
            let aged = pool.ask(class);
            pool.pass(waited);
            pool.ask(Priority::High);
            pool.give_back(holder);
            assert_eq!(pool.is_granted(aged), goes_first, "{class:?} after {waited} ms");
        }
    }
}

#[test]
fn at_most_one_grant_in_20_goes_to_an_aged_waiter_over_a_higher_class() {
    let settings = Settings::new().with("capacity", 1).with("queue", 200).with("max_wait", "1m");
    let mut pool = Pool::new(settings);
    let mut holder = pool.ask(Priority::Normal);
    let low: BTreeSet<u64> = (0..100).map(|_| pool.ask(Priority::Low)).collect();
    pool.pass(5_000);
    for _ in 0..90 {
        pool.ask(Priority::High);
    }
    let mut went = Vec::new();
    for _ in 0..80 {
        pool.give_back(holder);
        holder = *pool.granted().last().unwrap();
        went.push(low.contains(&holder));
    }
    assert_eq!(went.iter().filter(|aged| **aged).count(), 4);
    assert!(went.windows(20).all(|grants| grants.iter().filter(|aged| **aged).count() == 1));
}

#[test]
fn the_oldest_of_a_class_waits_two_seconds_while_higher_ones_are_in_its_way_and_the_others_one() {
    let (mut pool, _) = pool(9);
    let low = [Priority::Low; 2].map(|class| pool.ask(class));
    pool.pass(900);
    let high = pool.ask(Priority::High);
    pool.pass(100);
    assert!(pool.is_waiting(low[0]));
    assert_eq!(pool.reason(low[1]), Some(FullReason::WaitedTooLong));
    pool.pass(900);
    assert_eq!(pool.reason(high), Some(FullReason::WaitedTooLong));
    pool.pass(99);
    assert!(pool.is_waiting(low[0]));
    pool.pass(1);
    assert_eq!(pool.refusal(low[0]).unwrap().waited, Duration::from_secs(2));
}

#[test]
fn with_nobody_higher_in_its_way_a_written_wait_is_kept_to_the_millisecond() {
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("max_wait", "50ms"));
    pool.ask(Priority::Normal);
    let waiter = pool.ask(Priority::Normal);
    pool.pass(49);
    assert!(pool.is_waiting(waiter));
    pool.pass(1);
    assert_eq!(pool.reason(waiter), Some(FullReason::WaitedTooLong));
}

#[test]
fn background_is_not_starved_by_a_steady_stream_of_higher_callers() {
    // One permit, taken for 10 ms; a high caller arrives every 10 ms for 10 s while one low caller waits.
    let mut pool = Pool::new(Settings::new().with("capacity", 1).with("queue", 3));
    let mut holder = pool.ask(Priority::High);
    let low = [Priority::Low; 3].map(|class| pool.ask(class));
    let mut served_at = None;
    for tick in 0..1_000_u64 {
        pool.ask(Priority::High);
        pool.pass(10);
        pool.give_back(holder);
        holder = *pool.granted().last().unwrap();
        if holder == low[0] {
            served_at = served_at.or(Some(tick * 10));
        }
    }
    assert_eq!(pool.reason(low[2]), Some(FullReason::Displaced));
    assert!(served_at.is_some_and(|millis| millis <= 2_000), "{served_at:?}");
}

#[test]
fn closed_loop_clients_of_one_class_are_served_evenly_and_none_waits_for_ever() {
    let mut pool = Pool::new(Settings::new().with("capacity", 2).with("queue", 25).with("max_wait", "1m"));
    let mut done = [0_u32; 10];
    let mut tickets: Vec<(u64, u64)> = (0..10).map(|_| (pool.ask(Priority::Normal), 0)).collect();
    for second in (5..=100).step_by(5) {
        pool.pass(5_000);
        let holding: Vec<usize> = (0..10).filter(|client| pool.is_granted(tickets[*client].0)).collect();
        for client in holding {
            done[client] += 1;
            assert!(second - tickets[client].1 <= 25);
            pool.give_back(tickets[client].0);
            tickets[client] = (pool.ask(Priority::Normal), second);
        }
    }
    assert!(done.iter().max().unwrap() - done.iter().min().unwrap() <= 1, "{done:?}");
}

#[test]
fn only_a_line_that_has_stood_for_a_second_is_served_from_its_end_and_only_where_it_is_so_declared() {
    for (discipline, last_first) in [("fifo", false), ("adaptive_lifo", true)] {
        let settings = Settings::new().with("capacity", 1).with("queue", 9).with("max_wait", "1m");
        let mut pool = Pool::new(settings.with("discipline", discipline));
        let holder = pool.ask(Priority::Normal);
        let waiters = [Priority::Normal; 5].map(|class| pool.ask(class));
        pool.pass(999);
        pool.give_back(holder);
        assert!(pool.is_granted(waiters[0]));
        pool.pass(1);
        pool.give_back(waiters[0]);
        assert_eq!(pool.is_granted(waiters[4]), last_first, "{discipline}");
        assert_eq!(pool.is_granted(waiters[1]), !last_first, "{discipline}");
    }
}

#[test]
fn a_waiter_is_told_how_long_it_may_wait_and_told_again_where_higher_ones_make_that_longer() {
    let (mut pool, _) = pool(4);
    let start = pool.now;
    let at = |millis| start.after(Duration::from_millis(millis));
    let low = pool.ask(Priority::Low);
    pool.pass(500);
    let high = pool.ask(Priority::High);
    assert_eq!(pool.last(low), Some(BulkheadReply::Queued { until: at(1_000) }));
    assert_eq!(pool.last(high), Some(BulkheadReply::Queued { until: at(1_500) }));
    pool.pass(500);
    assert_eq!(pool.last(low), Some(BulkheadReply::Queued { until: at(2_000) }));
}
