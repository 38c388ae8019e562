//! 3. Outcomes.

use std::future::pending;
use std::time::Duration;

use steadfast::RejectionKind;
use steadfast::actors::breaker::BreakerState::{Closed, Open};
use steadfast::prelude::*;
use tokio::time::timeout;

use crate::common::{Failed, Runs, breaker, counted};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn our_own_refusals_are_seen_as_kinds_of_errors() {
    use ErrorKind as Seen;
    use RejectionKind as Own;
    for (own, seen) in [
        (Own::Open, Seen::Unavailable),
        (Own::Full, Seen::Unavailable),
        (Own::Shed, Seen::Unavailable),
        (Own::Unavailable, Seen::Unavailable),
        (Own::RateLimited, Seen::RateLimit),
        (Own::Timeout, Seen::Timeout),
    ] {
        assert_eq!(own.error_kind(), seen, "{own}");
    }
}

#[retry(attempts = 2, jitter = false, retry_on = ["conflict", "open"], dont_retry_on = ["unavailable"])]
#[fallback(on_both, on = ["not_found", "shed"])]
async fn both_sorts(kind: ErrorKind, runs: Runs) -> Result<u32, Failed> {
    runs.next();
    Err(Failed::Kind(kind))
}

async fn on_both(_: ErrorKind, _: Runs) -> Result<u32, Failed> {
    Ok(7)
}

#[tokio::test(start_paused = true)]
async fn kinds_of_errors_and_of_refusals_may_stand_in_retry_on_dont_retry_on_and_on() {
    for (kind, ran, answered) in [
        (ErrorKind::Conflict, 2, false),
        (ErrorKind::Unavailable, 1, false),
        (ErrorKind::ServerError, 1, false),
        (ErrorKind::NotFound, 1, true),
    ] {
        let runs = Runs::new();
        let answer = both_sorts(kind, runs.clone()).await;
        assert_eq!((runs.all(), answer.is_ok()), (ran, answered), "{kind}");
    }
}

#[idempotent(key = "arg:key")]
#[retry(attempts = 2, jitter = false)]
#[circuit_breaker("answers-5xx")]
async fn answers(status: u16, key: u32, runs: Runs) -> Result<RpcResponse, Rejection> {
    runs.next();
    Ok(RpcResponse::success(&json!(key), 0)?.with_status(status))
}

#[tokio::test(start_paused = true)]
async fn an_ok_that_carries_a_5xx_is_a_server_error_to_every_layer_and_never_stored() {
    for status in [500, 502, 503, 504] {
        let runs = Runs::new();
        let before = breaker_counts();
        for _ in 0..2 {
            assert_eq!(answers(status, u32::from(status), runs.clone()).await.unwrap().status(), status);
        }
        assert_eq!(runs.all(), 4, "{status}: repeated, and run again by the next call");
        assert_eq!(breaker_counts() - before, 4, "{status}");
        breaker("answers-5xx").reset().await;
    }
    let runs = Runs::new();
    for _ in 0..2 {
        assert_eq!(answers(404, 1, runs.clone()).await.unwrap().status(), 404);
    }
    assert_eq!(runs.all(), 1);
}

fn breaker_counts() -> u32 {
    Runtime::current().registry().breaker("answers-5xx").map_or(0, |it| it.status().counts.failures)
}

#[circuit_breaker("kinds", failure_threshold = 1_000, window = 1_000)]
async fn of_kind(kind: ErrorKind) -> Result<(), Failed> {
    Err(Failed::Kind(kind))
}

#[circuit_breaker("moved", failure_threshold = 1_000, window = 1_000,
                  record_on = ["not_found", "rate_limit"], ignore_on = ["timeout", "conflict"])]
async fn of_moved_kind(kind: ErrorKind) -> Result<(), Failed> {
    Err(Failed::Kind(kind))
}

#[tokio::test(start_paused = true)]
async fn to_a_breaker_a_kind_is_a_failure_a_success_or_nothing() {
    let (failure, success, neutral) = ((1, 1), (1, 0), (0, 0));
    for (kind, expected) in [
        (ErrorKind::Timeout, failure),
        (ErrorKind::ConnectionError, failure),
        (ErrorKind::ServerError, failure),
        (ErrorKind::Unavailable, failure),
        (ErrorKind::Unknown, failure),
        (ErrorKind::ValidationError, success),
        (ErrorKind::AuthenticationError, success),
        (ErrorKind::AuthorizationError, success),
        (ErrorKind::NotFound, success),
        (ErrorKind::Conflict, success),
        (ErrorKind::Cancelled, neutral),
        (ErrorKind::RateLimit, neutral),
    ] {
        assert!(of_kind(kind).await.is_err());
        assert_eq!(counted("kinds").await, expected, "{kind}");
        breaker("kinds").reset().await;
    }
}

#[tokio::test(start_paused = true)]
async fn record_on_and_ignore_on_move_kinds() {
    let (failure, neutral) = ((1, 1), (0, 0));
    for (kind, expected) in [
        (ErrorKind::NotFound, failure),
        (ErrorKind::RateLimit, failure),
        (ErrorKind::Timeout, neutral),
        (ErrorKind::Conflict, neutral),
    ] {
        assert!(of_moved_kind(kind).await.is_err());
        assert_eq!(counted("moved").await, expected, "{kind}");
        breaker("moved").reset().await;
    }
}

#[circuit_breaker("panicking")]
async fn panics() -> Result<(), Failed> {
    panic!("the handler's own bug")
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_goes_on() {
    assert!(tokio::spawn(panics()).await.unwrap_err().is_panic());
    assert_eq!(counted("panicking").await, (1, 1));
}

#[circuit_breaker("inner-open")]
async fn inner_open() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead("inner-full", capacity = 1, queue = 0)]
async fn inner_full() -> Result<(), Rejection> {
    pending().await
}

#[rate_limit(requests = 1, per = "1m")]
async fn inner_limited() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("around-refusals")]
async fn around(which: u32) -> Result<(), Rejection> {
    match which {
        0 => inner_open().await,
        1 => inner_full().await,
        _ => inner_limited().await,
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_refusals_further_in_say_nothing_of_the_dependency() {
    assert!(inner_open().await.is_ok() && inner_limited().await.is_ok());
    breaker("inner-open").force_open().await;
    let holder = tokio::spawn(inner_full());
    tokio::task::yield_now().await;
    for (which, kind) in [(0, RejectionKind::Open), (1, RejectionKind::Full), (2, RejectionKind::RateLimited)]
    {
        assert_eq!(around(which).await.unwrap_err().kind(), kind);
    }
    assert_eq!(counted("around-refusals").await, (0, 0));
    holder.abort();
}

#[timeout("200ms")]
async fn inner_slow() -> Result<(), Rejection> {
    pending().await
}

#[circuit_breaker("around-timeout")]
async fn around_timeout() -> Result<(), Rejection> {
    inner_slow().await
}

#[timeout("5s")]
async fn hangs_without_breaker() -> Result<(), Rejection> {
    pending().await
}

#[circuit_breaker("around-hang")]
async fn around_hang() -> Result<(), Rejection> {
    hangs_without_breaker().await
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_ran_into_its_own_timeout_is_a_failure_to_the_breaker_around_it() {
    assert_eq!(around_timeout().await.unwrap_err().kind(), RejectionKind::Timeout);
    assert_eq!(counted("around-timeout").await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_a_clients_short_deadline_cuts_is_nobodys_fault() {
    let runtime = Runtime::current();
    let cut = runtime.serving(Some(ms(20)), around_hang()).await;
    assert_eq!(cut.unwrap_err().kind(), RejectionKind::Timeout);
    assert_eq!(counted("around-hang").await, (0, 0));
    assert!(runtime.serving(Some(ms(1_500)), around_hang()).await.is_err());
    assert_eq!(counted("around-hang").await, (1, 1));
}

#[circuit_breaker("no-limit")]
async fn no_limit() -> Result<(), Rejection> {
    pending().await
}

#[timeout("300ms")]
#[circuit_breaker("own-total")]
async fn own_total() -> Result<(), Rejection> {
    pending().await
}

#[timeout_cascade(percentage = 10)]
#[circuit_breaker("own-share")]
async fn own_share() -> Result<(), Rejection> {
    pending().await
}

#[timeout("2s")]
async fn parent_of_share() -> Result<(), Rejection> {
    own_share().await
}

#[timeout("2s")]
async fn parent_of_no_limit() -> Result<(), Rejection> {
    no_limit().await
}

#[circuit_breaker("own-slow", slow_call_duration = "100ms")]
async fn own_slow() -> Result<(), Rejection> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_clients_short_deadline_opens_nobodys_breaker() {
    let runtime = Runtime::current();
    for _ in 0..10 {
        assert!(runtime.serving(Some(ms(20)), no_limit()).await.is_err());
        assert!(runtime.serving(Some(ms(200)), own_share()).await.is_err(), "its share is 20 ms");
    }
    assert_eq!((counted("no-limit").await, counted("own-share").await), ((0, 0), (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_deadline_cuts_is_a_timeout_once_it_had_a_fair_time() {
    let runtime = Runtime::current();
    assert!(runtime.serving(Some(ms(1_000)), no_limit()).await.is_err());
    assert_eq!(counted("no-limit").await, (1, 1), "a second is fair to anybody");
    assert!(parent_of_no_limit().await.is_err());
    assert_eq!(counted("no-limit").await, (2, 2), "the deadline of an annotated site around it");
    assert!(own_total().await.is_err());
    assert_eq!(counted("own-total").await, (1, 1), "the total that is declared for it");
    assert!(parent_of_share().await.is_err());
    assert_eq!(counted("own-share").await, (1, 1), "its share of a declared total");
    assert!(runtime.serving(Some(ms(100)), own_slow()).await.is_err());
    assert_eq!(counted("own-slow").await, (1, 1), "as long as what is slow for it");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_dropped_counts_only_where_it_ran_for_longer_than_is_slow() {
    for (after, expected) in [(4_999, (0, 0)), (5_000, (1, 1))] {
        assert!(timeout(ms(after), no_limit()).await.is_err());
        assert_eq!(counted("no-limit").await, expected, "dropped after {after} ms");
    }
    for (after, expected) in [(99, (0, 0)), (100, (1, 1))] {
        assert!(timeout(ms(after), own_slow()).await.is_err());
        assert_eq!(counted("own-slow").await, expected, "dropped after {after} ms");
    }
    assert_eq!(breaker("own-slow").status().counts.slow, 1, "marked slow beside its failure");
}

#[circuit_breaker("texts", failure_threshold = 1)]
async fn says(text: &'static str) -> Result<(), String> {
    Err(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn texts_are_read_from_their_start_and_the_callers_fault_wins() {
    for (text, state) in [
        ("HTTP 503: try later", Open),
        ("timeout: no answer", Open),
        ("connection refused", Open),
        ("it failed somehow", Open),
        ("HTTP 404", Closed),
        ("validation error: `timed out` is no colour", Closed),
        ("not found: HTTP 503.html", Closed),
    ] {
        assert_eq!(says(text).await, Err(text.to_owned()));
        assert_eq!(breaker("texts").state(), state, "{text}");
        breaker("texts").reset().await;
    }
}

#[derive(Debug)]
struct Unclassified;

impl From<Rejection> for Unclassified {
    fn from(_: Rejection) -> Self {
        Unclassified
    }
}

#[circuit_breaker("unclassified")]
async fn unclassified() -> Result<(), Unclassified> {
    Err(Unclassified)
}

#[circuit_breaker("classified")]
async fn classified() -> Result<(), Failed> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_type_that_does_not_say_what_it_is_is_unknown_and_describe_says_so() {
    assert!(unclassified().await.is_err() && classified().await.is_ok());
    assert_eq!(counted("unclassified").await, (1, 1));
    let described = |name| Runtime::current().describe(name).unwrap().to_string();
    assert!(described("unclassified").contains("do not say what they are"), "{}", described("unclassified"));
    assert!(!described("classified").contains("do not say what they are"));
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

#[circuit_breaker("chain-of-anyhow", failure_threshold = 1)]
async fn of_anyhow(error: fn() -> anyhow::Error) -> anyhow::Result<()> {
    Err(error())
}

#[circuit_breaker("chain-of-boxes", failure_threshold = 1)]
async fn of_boxes(error: fn() -> anyhow::Error) -> Result<(), Boxed> {
    Err(error().into())
}

#[circuit_breaker("chain-of-io", failure_threshold = 1)]
async fn of_io(kind: std::io::ErrorKind) -> std::io::Result<()> {
    Err(kind.into())
}

fn while_loading(cause: impl Into<anyhow::Error>) -> anyhow::Error {
    cause.into().context("while loading the catalogue")
}

#[tokio::test(start_paused = true)]
async fn anyhow_boxed_and_io_errors_are_read_through_their_sources() {
    use std::io::ErrorKind as Io;
    let chains: [(fn() -> anyhow::Error, _); 5] = [
        (|| while_loading(std::io::Error::from(Io::ConnectionReset)), Open),
        (|| while_loading(anyhow::anyhow!("HTTP 503: try later")), Open),
        (|| while_loading(std::io::Error::from(Io::NotFound)), Closed),
        (|| while_loading(anyhow::anyhow!("HTTP 404")), Closed),
        (|| while_loading(Rejection::misconfigured("further in", "our own refusal")), Closed),
    ];
    for (error, state) in chains {
        assert!(of_anyhow(error).await.is_err() && of_boxes(error).await.is_err());
        for name in ["chain-of-anyhow", "chain-of-boxes"] {
            assert_eq!(breaker(name).state(), state, "{name}: {:#}", error());
            breaker(name).reset().await;
        }
    }
    for (kind, state) in [(Io::TimedOut, Open), (Io::InvalidInput, Closed)] {
        assert!(of_io(kind).await.is_err());
        assert_eq!(breaker("chain-of-io").state(), state, "{kind}");
        breaker("chain-of-io").reset().await;
    }
}
