//! 4. Breaker.

use std::future::pending;
use std::time::Duration;

use steadfast::RejectionKind;
use steadfast::actors::breaker::BreakerState::{Closed, ForcedOpen, HalfOpen, Open};
use steadfast::prelude::*;
use tokio::time::{advance, sleep, timeout};

use crate::common::{Failed, Runs, breaker, counted, now};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `s` succeeds, `f` fails, `v` is the caller's fault, anything else never ends.
async fn does(what: char) -> Result<(), Failed> {
    match what {
        's' => Ok(()),
        'f' => Err(Failed::Kind(ErrorKind::ServerError)),
        'v' => Err(Failed::Kind(ErrorKind::ValidationError)),
        _ => pending().await,
    }
}

fn is_open(result: Result<(), Failed>) -> bool {
    matches!(result, Err(Failed::Ours(Rejection::Open { .. })))
}

#[circuit_breaker("by-rate", failure_rate_threshold = 0.5, minimum_requests = 3)]
async fn by_rate(what: char) -> Result<(), Failed> {
    does(what).await
}

#[circuit_breaker("by-whole-rate", failure_rate_threshold = 1.0, minimum_requests = 5)]
async fn by_whole_rate(what: char) -> Result<(), Failed> {
    does(what).await
}

#[circuit_breaker("by-slowness", slow_call_duration = "1s", minimum_requests = 5)]
async fn by_slowness(take: u64) -> Result<(), Failed> {
    sleep(secs(take)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_evaluated_after_every_outcome_also_on_the_success_that_reaches_the_minimum() {
    for (what, state) in [('f', Closed), ('f', Closed), ('s', Open)] {
        let _ = by_rate(what).await;
        assert_eq!(breaker("by-rate").state(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn thresholds_of_one_hundred_percent_are_reached() {
    for state in [Closed, Closed, Closed, Closed, Open] {
        assert!(by_whole_rate('f').await.is_err());
        assert_eq!(breaker("by-whole-rate").state(), state);
    }
    for state in [Closed, Closed, Closed, Closed, Open] {
        assert!(by_slowness(1).await.is_ok());
        assert_eq!(
            breaker("by-slowness").state(),
            state,
            "the rate of slow calls is 1.0 where it is not written"
        );
    }
}

#[circuit_breaker("by-time", failure_threshold = 3, window = "5s")]
async fn by_time(what: char) -> Result<(), Failed> {
    does(what).await
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_further_apart_than_the_window_do_not_add_up() {
    for wait in [0, 5, 1] {
        sleep(secs(wait)).await;
        assert!(by_time('f').await.is_err());
    }
    assert_eq!(breaker("by-time").state(), Closed);
    assert!(by_time('f').await.is_err());
    assert_eq!(breaker("by-time").state(), Open);
}

#[circuit_breaker("rolls", failure_rate_threshold = 0.5, minimum_requests = 100, window = "10s")]
async fn rolls(what: char) -> Result<(), Failed> {
    does(what).await
}

#[tokio::test(start_paused = true)]
async fn a_window_rolls_and_never_tumbles() {
    // 100 a second for 10 s; the last 90 fail, all of them behind the edge of a window that would begin anew at 10 s.
    for call in 0..1_000 {
        let _ = rolls(if call < 910 { 's' } else { 'f' }).await;
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(breaker("rolls").state(), Closed);
}

#[circuit_breaker("one-probe", failure_threshold = 1, success_threshold = 1, ignore_on = ["validation_error"])]
async fn one_probe(what: char, runs: Runs) -> Result<(), Failed> {
    runs.next();
    does(what).await
}

async fn half_open_in_thirty_seconds(runs: &Runs) {
    assert!(one_probe('f', runs.clone()).await.is_err());
    assert_eq!(breaker("one-probe").state(), Open);
    sleep(secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_gives_its_slot_back_at_once_and_closes_nothing() {
    let runs = Runs::new();
    half_open_in_thirty_seconds(&runs).await;
    for _ in 0..3 {
        assert_eq!(one_probe('v', runs.clone()).await, Err(Failed::Kind(ErrorKind::ValidationError)));
        assert_eq!(breaker("one-probe").state(), HalfOpen);
    }
    assert!(one_probe('s', runs.clone()).await.is_ok());
    assert_eq!(breaker("one-probe").state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_callers_one_is_the_probe_and_its_slot_is_free_when_it_is_dropped() {
    let runs = Runs::new();
    half_open_in_thirty_seconds(&runs).await;
    let callers: Vec<_> = (0..100).map(|_| tokio::spawn(one_probe('-', runs.clone()))).collect();
    sleep(Duration::from_millis(1)).await;
    let (refused, running): (Vec<_>, Vec<_>) = callers.into_iter().partition(|caller| caller.is_finished());
    assert_eq!((refused.len(), running.len(), runs.all()), (99, 1, 2));
    for caller in refused {
        assert!(is_open(caller.await.unwrap()));
    }
    running[0].abort();
    sleep(Duration::from_millis(1)).await;
    assert!(one_probe('s', runs.clone()).await.is_ok());
    assert_eq!(breaker("one-probe").state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn half_open_one_failure_opens_it_and_what_follows_is_refused() {
    let runs = Runs::new();
    half_open_in_thirty_seconds(&runs).await;
    assert!(one_probe('f', runs.clone()).await.is_err());
    for _ in 0..3 {
        assert!(is_open(one_probe('s', runs.clone()).await));
    }
    assert_eq!(runs.all(), 2);
}

#[timeout("1m", per_attempt = "10s")]
#[circuit_breaker("cut-probe", failure_threshold = 1, success_threshold = 1)]
async fn with_timeout(what: char) -> Result<(), Failed> {
    does(what).await
}

#[circuit_breaker("cut-probe-2", failure_threshold = 1, success_threshold = 1, probe_timeout = "10s")]
async fn with_probe_timeout(what: char) -> Result<(), Failed> {
    does(what).await
}

#[circuit_breaker("cut-probe-3", failure_threshold = 1, success_threshold = 1, recovery_timeout = "10s")]
async fn with_nothing(what: char) -> Result<(), Failed> {
    does(what).await
}

async fn cut_after_ten_seconds<F: Future<Output = Result<(), Failed>>>(
    name: &str,
    recovery: u64,
    call: impl Fn(char) -> F,
) {
    assert!(call('f').await.is_err());
    sleep(secs(recovery)).await;
    let start = now();
    let cut = call('-').await.unwrap_err();
    assert!(matches!(cut, Failed::Ours(Rejection::TimedOut { .. })), "{cut:?}");
    assert!(now() - start < secs(10) + Duration::from_millis(2), "{name}");
    assert_eq!(breaker(name).state(), Open, "{name}: it has failed");
    sleep(secs(recovery)).await;
    assert!(call('s').await.is_ok(), "{name}: the next probe is not later than its open time");
    assert_eq!(breaker(name).state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_cut_by_its_probe_timeout_else_its_attempts_else_the_recovery_time_and_has_failed() {
    cut_after_ten_seconds("cut-probe", 30, with_timeout).await;
    cut_after_ten_seconds("cut-probe-2", 30, with_probe_timeout).await;
    cut_after_ten_seconds("cut-probe-3", 10, with_nothing).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_its_clients_short_deadline_cuts_says_nothing_and_frees_its_slot() {
    let runtime = Runtime::current();
    assert!(with_probe_timeout('f').await.is_err());
    sleep(secs(30)).await;
    let cut = runtime.serving(Some(Duration::from_millis(50)), with_probe_timeout('-')).await;
    assert!(cut.is_err());
    sleep(Duration::from_millis(1)).await;
    assert_eq!(breaker("cut-probe-2").state(), HalfOpen);
    assert!(with_probe_timeout('s').await.is_ok());
    assert_eq!(breaker("cut-probe-2").state(), Closed);
}

#[circuit_breaker("gate-1", failure_threshold = 1, success_threshold = 1, recovery_timeout = "10s")]
async fn outer_gate(what: char) -> Result<(), Failed> {
    inner_gate(what).await
}

#[circuit_breaker("gate-2", failure_threshold = 1, success_threshold = 1, recovery_timeout = "20s")]
async fn inner_gate(what: char) -> Result<(), Failed> {
    does(what).await
}

#[circuit_breaker("gate-3", failure_threshold = 1, success_threshold = 1, recovery_timeout = "10s")]
#[bulkhead("behind-gate-3", capacity = 1, queue = 0)]
async fn gate_before_a_pool(what: char) -> Result<(), Failed> {
    does(what).await
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_another_breaker_refuses_gives_its_slot_back_at_once() {
    assert!(outer_gate('f').await.is_err());
    assert_eq!((breaker("gate-1").state(), breaker("gate-2").state()), (Open, Open));
    advance(secs(11)).await;
    let refused = outer_gate('s').await.unwrap_err();
    let Failed::Ours(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.name(), "gate-2");
    advance(secs(10)).await;
    assert!(outer_gate('s').await.is_ok());
    assert_eq!((breaker("gate-1").state(), breaker("gate-2").state()), (Closed, Closed));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_a_full_pool_refuses_gives_its_slot_back_at_once() {
    assert!(gate_before_a_pool('f').await.is_err());
    sleep(secs(10)).await;
    let pool = Runtime::current().registry().bulkhead("behind-gate-3").unwrap();
    let permit = pool.acquire(Default::default()).await.unwrap();
    for _ in 0..3 {
        let refused = gate_before_a_pool('s').await;
        assert!(matches!(refused, Err(Failed::Ours(Rejection::Full { .. }))), "{refused:?}");
    }
    drop(permit);
    assert!(gate_before_a_pool('s').await.is_ok());
    assert_eq!(breaker("gate-3").state(), Closed);
}

#[circuit_breaker("old-calls", failure_threshold = 1, success_threshold = 1, recovery_timeout = "10s")]
async fn old_calls(take: u64, what: char) -> Result<(), Failed> {
    sleep(secs(take)).await;
    does(what).await
}

#[tokio::test(start_paused = true)]
async fn what_was_admitted_before_it_opened_neither_closes_nor_opens_nor_extends_anything() {
    let success = tokio::spawn(old_calls(12, 's'));
    let failure = tokio::spawn(old_calls(13, 'f'));
    sleep(secs(1)).await;
    assert!(old_calls(0, 'f').await.is_err());
    let epoch = breaker("old-calls").status().epoch;
    assert!(success.await.unwrap().is_ok());
    assert!(failure.await.unwrap().is_err());
    let status = breaker("old-calls").status();
    assert_eq!((status.state, status.epoch), (Open, epoch));
    assert!(old_calls(0, 's').await.is_ok(), "its time was over at 11 s and is not extended");
    assert_eq!(breaker("old-calls").state(), Closed);
}

#[circuit_breaker("callers-cancel", failure_rate_threshold = 0.5, minimum_requests = 10)]
async fn callers_cancel() -> Result<(), Failed> {
    pending().await
}

#[timeout("1m", per_attempt = "100ms")]
#[circuit_breaker("attempts-time-out", failure_rate_threshold = 0.5, minimum_requests = 10)]
async fn attempts_time_out() -> Result<(), Failed> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn ten_callers_that_go_away_open_nothing_and_ten_timeouts_do() {
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(100), callers_cancel()).await.is_err());
        assert!(attempts_time_out().await.is_err());
    }
    assert_eq!(counted("callers-cancel").await, (0, 0));
    assert_eq!(breaker("callers-cancel").state(), Closed);
    assert_eq!(breaker("attempts-time-out").state(), Open);
}

#[circuit_breaker("waits-for-nobody")]
#[bulkhead("waits-for-nobody", capacity = 1, queue = 9, max_wait = "1m")]
async fn waits_for_nobody(runs: Runs) -> Result<(), Failed> {
    runs.next();
    pending().await
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_at_once_however_long_the_line_behind_it() {
    let runs = Runs::new();
    let holder = tokio::spawn(waits_for_nobody(runs.clone()));
    sleep(secs(1)).await;
    breaker("waits-for-nobody").force_open().await;
    let start = now();
    assert!(is_open(waits_for_nobody(runs.clone()).await));
    assert_eq!((now() - start, runs.all()), (Duration::ZERO, 1));
    holder.abort();
}

#[circuit_breaker("behind-a-line", slow_call_duration = "1s", minimum_requests = 1, window = 10)]
#[bulkhead("behind-a-line", capacity = 1, queue = 9, max_wait = "1m")]
async fn behind_a_line() -> Result<(), Failed> {
    sleep(Duration::from_millis(800)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn latency_counts_from_the_bulkheads_grant() {
    let (a, b, c) = tokio::join!(behind_a_line(), behind_a_line(), behind_a_line());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let counts = breaker("behind-a-line").status().counts;
    assert_eq!((counts.total, counts.slow), (3, 0));
}

#[circuit_breaker("ordered", failure_threshold = 1, success_threshold = 1)]
async fn ordered(what: char) -> Result<(), Failed> {
    does(what).await
}

#[tokio::test(start_paused = true)]
async fn an_operators_order_stands_until_it_is_taken_back() {
    assert!(ordered('s').await.is_ok());
    let handle = breaker("ordered");
    handle.force_open().await;
    sleep(secs(600)).await;
    assert!(is_open(ordered('s').await));
    assert_eq!(handle.state(), ForcedOpen);
    handle.force_close().await;
    for _ in 0..3 {
        assert_eq!(ordered('f').await, Err(Failed::Kind(ErrorKind::ServerError)));
    }
    handle.reset().await;
    assert!(ordered('f').await.is_err());
    assert_eq!(handle.state(), Open);
    let refused = ordered('s').await.unwrap_err();
    assert!(matches!(refused, Failed::Ours(ours) if ours.kind() == RejectionKind::Open
        && ours.retry_after() == Some(secs(30)) && ours.http_status() == 503));
}

#[circuit_breaker("in-turn", failure_threshold = 1, success_threshold = 1, half_open_permits = 1)]
async fn in_turn(take: u64, fails: bool) -> Result<(), Failed> {
    sleep(Duration::from_millis(take)).await;
    does(if fails { 'f' } else { 's' }).await
}

#[tokio::test(start_paused = true)]
async fn after_closing_calls_in_flight_are_let_back_in_slowly_and_callers_in_turn_are_never_refused() {
    assert!(in_turn(0, true).await.is_err());
    sleep(secs(30)).await;
    assert!(in_turn(0, false).await.is_ok(), "the probe that closes it");
    let (one, two) = tokio::join!(in_turn(10, false), in_turn(10, false));
    assert!(one.is_ok() && is_open(two), "one in flight, for now");
    let (one, two) = tokio::join!(in_turn(10, false), in_turn(10, false));
    assert!(one.is_ok() && two.is_ok(), "one more for a full round of successes");
    for _ in 0..50 {
        assert!(in_turn(0, false).await.is_ok());
    }
    sleep(secs(10)).await;
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(in_turn(10, false))).collect();
    for call in calls {
        assert!(call.await.unwrap().is_ok(), "over after ten seconds");
    }
}

#[circuit_breaker("written-first")]
#[retry(attempts = 3, base_delay = "1ms")]
async fn written_first() -> Result<(), Failed> {
    does('f').await
}

#[retry(attempts = 3, base_delay = "1ms")]
#[circuit_breaker("written-last")]
async fn written_last() -> Result<(), Failed> {
    does('f').await
}

#[tokio::test(start_paused = true)]
async fn a_breaker_sees_every_attempt_in_whichever_order_the_attributes_stand() {
    assert!(written_first().await.is_err() && written_last().await.is_err());
    assert_eq!(counted("written-first").await, (3, 3));
    assert_eq!(counted("written-last").await, (3, 3));
}
