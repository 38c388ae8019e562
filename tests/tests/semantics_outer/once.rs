//! Section 8: one key is one run, whatever becomes of it.

use std::sync::Mutex;
use std::time::Duration;

use steadfast::idempotency::current_key;
use steadfast::prelude::*;

use super::support::{Runs, millis, seconds, timed};

type Answer = Result<u32, String>;

#[idempotent(key = "arg:order", name = "rejecting")]
async fn rejecting(order: u64, runs: &'static Runs) -> Answer {
    let _running = runs.begin();
    millis(300 + order).await;
    Ok(runs.all())
}

#[idempotent(key = "arg:order", name = "waiting", on_conflict = "wait")]
#[timeout("1s")]
async fn waiting(order: u64, runs: &'static Runs) -> Answer {
    let _running = runs.begin();
    millis(order).await;
    Ok(runs.all())
}

#[tokio::test(start_paused = true)]
async fn of_two_first_calls_one_runs_and_the_other_is_told_to_come_again_or_waits_for_the_same_result() {
    static REJECTING: Runs = Runs::new();
    static WAITING: Runs = Runs::new();
    let first = tokio::spawn(rejecting(1, &REJECTING));
    millis(1).await;
    let conflict = rejecting(1, &REJECTING).await.unwrap_err();
    assert!(conflict.contains("try again in"), "{conflict}");
    assert_eq!((first.await.unwrap(), rejecting(1, &REJECTING).await), (Ok(1), Ok(1)));
    let first = tokio::spawn(waiting(300, &WAITING));
    millis(1).await;
    let (second, took) = timed(waiting(300, &WAITING)).await;
    assert_eq!((first.await.unwrap(), second, took), (Ok(1), Ok(1), Duration::from_millis(299)));
    assert_eq!((REJECTING.all(), WAITING.all()), (1, 1));
}

#[idempotent(key = "arg:order", name = "fingerprinted")]
async fn fingerprinted(order: u64, price: f64, runs: &'static Runs) -> Answer {
    let _running = runs.begin();
    if price > 0.0 { Ok(runs.all()) } else { Err("validation: no price".to_owned()) }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_payload_is_refused_also_where_an_argument_is_the_key() {
    static RUNS: Runs = Runs::new();
    assert_eq!(fingerprinted(1, 2.5, &RUNS).await, Ok(1));
    assert_eq!(fingerprinted(1, 2.5, &RUNS).await, Ok(1));
    let refused = fingerprinted(1, 9.0, &RUNS).await.unwrap_err();
    assert!(refused.contains("another payload"), "{refused}");
    assert_eq!((fingerprinted(2, 9.0, &RUNS).await, RUNS.all()), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_does_so_within_its_own_deadline() {
    static RUNS: Runs = Runs::new();
    let first = tokio::spawn(waiting(2_000, &RUNS));
    millis(500).await;
    // The first one is cut after a second; who came half a second later learns then that nobody knows.
    let (second, took) = timed(waiting(2_000, &RUNS)).await;
    assert_eq!(took, Duration::from_millis(500));
    assert!(second.unwrap_err().contains("idempotency store"));
    assert!(first.await.unwrap().unwrap_err().contains("did not answer within 1s"));
}

#[idempotent(key = "arg:order", name = "failing")]
#[retry(attempts = 2, base_delay = "10ms", jitter = false)]
#[timeout("10s", per_attempt = "1s")]
async fn failing(order: &'static str, runs: &'static Runs) -> Answer {
    let _running = runs.begin();
    match (order, runs.all()) {
        ("cut-once", 1) | ("cut-always", _) => seconds(2).await,
        (_, 3..) => return Ok(runs.all()),
        _ => {}
    }
    Err("HTTP 503".to_owned())
}

#[tokio::test(start_paused = true)]
async fn where_every_attempt_returned_an_error_the_key_is_free_and_where_one_was_cut_nobody_knows() {
    static RETURNED: Runs = Runs::new();
    static CUT: Runs = Runs::new();
    assert!(failing("returned", &RETURNED).await.is_err());
    assert_eq!((RETURNED.all(), failing("returned", &RETURNED).await), (2, Ok(3)));
    // The last attempt returned, and yet the first may have done it.
    assert_eq!(failing("cut-once", &CUT).await, Err("HTTP 503".to_owned()));
    let unknown = failing("cut-once", &CUT).await.unwrap_err();
    assert!(unknown.contains("idempotency store"), "{unknown}");
    seconds(14 * 60).await;
    assert_eq!((failing("cut-once", &CUT).await.is_err(), CUT.all()), (true, 2));
    seconds(2 * 60).await;
    assert_eq!(failing("cut-once", &CUT).await, Ok(3));
}

#[idempotent(key = "arg:order", name = "rerunning", on_unknown = "rerun")]
#[timeout("1s")]
async fn rerunning(order: u64, runs: &'static Runs) -> Answer {
    let _running = runs.begin();
    seconds(if runs.all() == 1 { 2 } else { 0 }).await;
    Ok(order as u32)
}

#[tokio::test(start_paused = true)]
async fn where_a_site_says_so_a_run_that_was_cut_is_repeated() {
    static RUNS: Runs = Runs::new();
    assert!(rerunning(5, &RUNS).await.is_err());
    assert_eq!((rerunning(5, &RUNS).await, RUNS.all()), (Ok(5), 2));
    assert_eq!((rerunning(5, &RUNS).await, RUNS.all()), (Ok(5), 2));
}

#[idempotent]
async fn by_fingerprint(msg: Message) -> Answer {
    let _running = FINGERPRINTED.begin();
    msg.deserialize_payload::<u32>().map_err(String::from)
}

static FINGERPRINTED: Runs = Runs::new();

#[tokio::test(start_paused = true)]
async fn without_a_key_equal_calls_are_one_for_a_minute_whatever_their_headers_and_address() {
    let order = |amount: u32, address: &str| {
        let message = Message::builder().ip(address).header("X-Trace", address);
        message.payload(&amount).unwrap().build()
    };
    assert_eq!(by_fingerprint(order(1, "192.0.2.1")).await, Ok(1));
    assert_eq!(by_fingerprint(order(1, "192.0.2.2")).await, Ok(1));
    assert_eq!(FINGERPRINTED.all(), 1);
    assert_eq!((by_fingerprint(order(2, "192.0.2.1")).await, FINGERPRINTED.all()), (Ok(2), 2));
    seconds(61).await;
    assert_eq!((by_fingerprint(order(1, "192.0.2.1")).await, FINGERPRINTED.all()), (Ok(1), 3));
}

static PASSED_ON: Mutex<Vec<Option<String>>> = Mutex::new(Vec::new());

#[idempotent(key = "arg:order", name = "passing-on")]
#[retry(attempts = 3, base_delay = "1ms")]
async fn passing_on(order: &'static str) -> Answer {
    let _ = order;
    let mut seen = PASSED_ON.lock().unwrap();
    seen.push(current_key());
    if seen.len() < 3 { Err("HTTP 503".to_owned()) } else { Ok(3) }
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_one_run_share_its_key_and_can_pass_it_on() {
    assert_eq!((current_key(), passing_on("order-7").await), (None, Ok(3)));
    let seen = PASSED_ON.lock().unwrap();
    assert_eq!(*seen, vec![Some("order-7".to_owned()); 3]);
}

#[idempotent(store = "small", max_records = 2, key = "arg:order", name = "small")]
async fn in_a_small_store(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

#[tokio::test(start_paused = true)]
async fn a_full_store_is_503_for_new_keys_and_replays_those_that_it_has() {
    assert_eq!((in_a_small_store(1).await, in_a_small_store(2).await), (Ok(1), Ok(2)));
    let refused = in_a_small_store(3).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.policy()), (503, "idempotent"));
    assert_eq!((in_a_small_store(1).await, in_a_small_store(2).await), (Ok(1), Ok(2)));
    seconds(24 * 60 * 60 + 1).await;
    assert_eq!(in_a_small_store(3).await, Ok(3));
}

static LONG: Runs = Runs::new();

#[idempotent(key = "arg:order", name = "long")]
async fn long(order: u64) -> Answer {
    let _running = LONG.begin();
    seconds(order).await;
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn a_run_of_any_length_keeps_its_key_because_its_lease_is_renewed() {
    let first = tokio::spawn(long(600));
    for _ in 0..5 {
        seconds(100).await;
        assert!(long(600).await.is_err());
    }
    assert_eq!((first.await.unwrap(), LONG.all()), (Ok(1), 1));
}
