use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast_actors::rejection::{ConflictReason, Rejection};
use tokio::time::sleep;

use crate::__private::{Failure, Inputs, Settings, Site};
use crate::__private::{run_many, run_many_or, stored_outcome};
use crate::Runtime;
use crate::idempotency::current_key;
use crate::pipeline::Call;
use crate::service::Message;

type Result<T> = std::result::Result<T, Failing>;

/// An error that carries refusals and is kept by no store.
#[derive(Debug)]
enum Failing {
    Status(u16),
    Refused(Rejection),
}

impl From<Rejection> for Failing {
    fn from(rejection: Rejection) -> Self {
        Failing::Refused(rejection)
    }
}

impl crate::Classify for Failing {
    fn kind(&self) -> crate::ErrorKind {
        match self {
            Failing::Status(409) => crate::ErrorKind::Conflict,
            Failing::Status(_) => crate::ErrorKind::ServerError,
            Failing::Refused(rejection) => crate::Classify::kind(rejection),
        }
    }

    fn rejection(&self) -> Option<&Rejection> {
        match self {
            Failing::Refused(rejection) => Some(rejection),
            Failing::Status(_) => None,
        }
    }
}

const MODULE: &str = "once";

fn keyed() -> Settings {
    Settings::new().with("key", "header:Idempotency-Key")
}

fn inputs(user: &str, key: &str, payload: u8) -> Inputs {
    let message = Message::builder().user_id(user).header("Idempotency-Key", key).build();
    Inputs::new().context(Some(message)).fingerprint([payload; 32])
}

/// A handler that counts its runs, takes a second, and returns what `answer` says of each run.
async fn call(
    site: &'static Site,
    inputs: Inputs,
    runs: &Arc<AtomicU32>,
    answer: fn(u32) -> Result<u32>,
) -> Result<u32> {
    run_many(site, stored_outcome!(Result<u32>), inputs, || {
        let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            sleep(Duration::from_secs(1)).await;
            answer(run)
        }
    })
    .await
}

fn refused(answer: Result<u32>) -> Rejection {
    match answer {
        Err(Failing::Refused(rejection)) => rejection,
        other => panic!("not refused: {other:?}"),
    }
}

fn conflict(answer: Result<u32>) -> ConflictReason {
    match refused(answer) {
        Rejection::Conflict { reason, .. } => reason,
        other => panic!("no conflict: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_key_admits_one_run_and_a_repeat_gets_its_result_marked_as_replayed() {
    let site = site!("replays", "idempotent" => keyed());
    let runs = Arc::default();
    assert_eq!(call(site, inputs("u1", "k", 1), &runs, Ok).await.unwrap(), 1);
    let root = Call::serving(&Runtime::current(), None);
    assert_eq!(root.around(call(site, inputs("u1", "k", 1), &runs, Ok)).await.unwrap(), 1);
    assert!(root.trail().is_replayed());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_equal_key_of_another_user_never_meets_it_and_another_payload_is_422() {
    let site = site!("apart", "idempotent" => keyed());
    let runs = Arc::default();
    assert_eq!(call(site, inputs("u1", "k", 1), &runs, Ok).await.unwrap(), 1);
    assert_eq!(call(site, inputs("u2", "k", 1), &runs, Ok).await.unwrap(), 2);
    let other = refused(call(site, inputs("u1", "k", 2), &runs, Ok).await);
    assert_eq!(other.http_status(), 422);
}

#[tokio::test(start_paused = true)]
async fn a_second_call_in_flight_is_409_by_default_and_waits_where_the_site_says_so() {
    let rejects = site!("rejects", "idempotent" => keyed());
    let waits = site!("waits", "idempotent" => keyed().with("on_conflict", "wait"));
    let runs = Arc::default();
    let both = async |site| {
        tokio::join!(
            call(site, inputs("u1", "k", 1), &runs, |_| Ok(7)),
            call(site, inputs("u1", "k", 1), &runs, |_| Ok(8)),
        )
    };
    let (first, second) = both(rejects).await;
    assert_eq!(first.unwrap(), 7);
    let second = refused(second);
    assert_eq!(second.http_status(), 409);
    assert!(second.retry_after().is_some());
    let (first, second) = both(waits).await;
    assert_eq!((first.unwrap(), second.unwrap()), (7, 7));
}

#[tokio::test(start_paused = true)]
async fn when_every_attempt_returned_an_error_the_key_is_released_and_a_repeat_runs() {
    let site = site!(
        "released",
        "idempotent" => keyed(),
        "retry" => Settings::new().with("attempts", 2),
    );
    let runs = Arc::default();
    assert!(call(site, inputs("u1", "k", 1), &runs, |_| Err(Failing::Status(503))).await.is_err());
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(call(site, inputs("u1", "k", 1), &runs, Ok).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn when_an_attempt_was_cut_and_none_succeeded_the_outcome_is_unknown_whatever_the_last_one_said() {
    let site = site!(
        "unknown",
        "idempotent" => keyed(),
        "retry" => Settings::new().with("attempts", 2),
        "timeout" => Settings::new().with("per_attempt", "2s"),
    );
    let runs = AtomicU32::new(0);
    let answer = run_many(site, stored_outcome!(Result<u32>), inputs("u1", "k", 1), || {
        let first = runs.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            sleep(Duration::from_secs(if first { 60 } else { 1 })).await;
            Err(Failing::Status(500))
        }
    });
    assert!(answer.await.is_err());
    let repeat = call(site, inputs("u1", "k", 1), &Arc::default(), Ok).await;
    assert_eq!(conflict(repeat), ConflictReason::Unknown);
    sleep(Duration::from_secs(15 * 60 + 1)).await;
    assert_eq!(call(site, inputs("u1", "k", 1), &Arc::default(), Ok).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_cut_does_no_harm_once_a_later_one_succeeds() {
    let site = site!(
        "cut-then-done",
        "idempotent" => keyed(),
        "retry" => Settings::new().with("attempts", 2),
        "timeout" => Settings::new().with("per_attempt", "2s"),
    );
    let runs = AtomicU32::new(0);
    let answer = run_many(site, stored_outcome!(Result<u32>), inputs("u1", "k", 1), || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            sleep(Duration::from_secs(if run == 0 { 60 } else { 1 })).await;
            Ok(run)
        }
    });
    assert_eq!(answer.await.unwrap(), 1);
    assert_eq!(call(site, inputs("u1", "k", 1), &Arc::default(), Ok).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_leaves_the_outcome_unknown() {
    let site = site!("total", "idempotent" => keyed(), "timeout" => Settings::new().with("total", "500ms"));
    let runs = Arc::default();
    assert_eq!(refused(call(site, inputs("u1", "k", 1), &runs, Ok).await).http_status(), 504);
    assert_eq!(conflict(call(site, inputs("u1", "k", 1), &runs, Ok).await), ConflictReason::Unknown);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_outcome_unknown() {
    let site = site!("panics", "idempotent" => keyed());
    let first = tokio::spawn(run_many(site, stored_outcome!(Result<u32>), inputs("u1", "k", 1), || async {
        panic!("on purpose")
    }));
    assert!(first.await.is_err());
    let repeat = call(site, inputs("u1", "k", 1), &Arc::default(), Ok).await;
    assert_eq!(conflict(repeat), ConflictReason::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_handler_was_polled_leaves_its_key_free() {
    let site = site!(
        "unpolled",
        "idempotent" => keyed(),
        "throttle" => Settings::new().with("max_concurrent", 1).with("max_wait", "60s"),
    );
    let runs: Arc<AtomicU32> = Arc::default();
    let (first, second) = (Arc::clone(&runs), Arc::clone(&runs));
    let holder = tokio::spawn(async move { call(site, inputs("u1", "a", 1), &first, Ok).await });
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(async move { call(site, inputs("u1", "b", 1), &second, Ok).await });
    sleep(Duration::from_millis(100)).await;
    waiting.abort();
    assert!(waiting.await.is_err());
    holder.await.unwrap().unwrap();
    assert_eq!(call(site, inputs("u1", "b", 1), &runs, Ok).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_runs_leaves_the_outcome_unknown_and_in_a_backoff_the_key_free() {
    let site = site!(
        "dropped",
        "idempotent" => keyed(),
        "retry" => Settings::new().with("attempts", 2).with("base_delay", "10s").with("jitter", false),
    );
    for (key, after, expected) in [("running", 500, Some(ConflictReason::Unknown)), ("backoff", 5_000, None)]
    {
        let first = tokio::spawn(async move {
            call(site, inputs("u1", key, 1), &Arc::default(), |_| Err(Failing::Status(503))).await
        });
        sleep(Duration::from_millis(after)).await;
        first.abort();
        assert!(first.await.is_err());
        let repeat = call(site, inputs("u1", key, 1), &Arc::default(), Ok).await;
        match expected {
            Some(reason) => assert_eq!(conflict(repeat), reason, "{key}"),
            None => assert_eq!(repeat.unwrap(), 1, "{key}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_below_it_releases_the_key_and_a_fallbacks_answer_is_never_stored() {
    let site = site!(
        "refused-below",
        "idempotent" => keyed(),
        "fallback" => Settings::new().with("path", "other"),
        "circuit_breaker" => Settings::new().with("name", "refused-below"),
    );
    let breaker = || Runtime::current().registry().breaker("refused-below").unwrap();
    let call = async || {
        let fallback = |_: Arc<Failure<Failing>>| async { Ok(99) };
        run_many_or(site, stored_outcome!(Result<u32>), inputs("u1", "k", 1), || async { Ok(1) }, fallback)
            .await
    };
    // Declares the breaker without running anything for the key.
    let other = run_many(site, stored_outcome!(Result<u32>), inputs("u2", "k", 1), || async { Ok(1) });
    other.await.unwrap();
    breaker().force_open().await;
    assert_eq!(call().await.unwrap(), 99);
    breaker().force_close().await;
    assert_eq!(call().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_clients_key_the_record_lives_sixty_seconds() {
    let site = site!("fingerprint", "idempotent" => Settings::new());
    let inputs =
        || Inputs::new().context(Some(Message::builder().user_id("u1").build())).fingerprint([1; 32]);
    let runs = Arc::default();
    assert_eq!(call(site, inputs(), &runs, Ok).await.unwrap(), 1);
    sleep(Duration::from_secs(59)).await;
    assert_eq!(call(site, inputs(), &runs, Ok).await.unwrap(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(call(site, inputs(), &runs, Ok).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_long_run_keeps_its_key_because_its_lease_is_renewed() {
    let site = site!("long", "idempotent" => keyed());
    let first = tokio::spawn(run_many(site, stored_outcome!(Result<u32>), inputs("u1", "k", 1), || async {
        sleep(Duration::from_secs(600)).await;
        Ok(7)
    }));
    sleep(Duration::from_secs(300)).await;
    let repeat = call(site, inputs("u1", "k", 1), &Arc::default(), Ok).await;
    assert_eq!(conflict(repeat), ConflictReason::InFlight);
    assert_eq!(first.await.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_sent_once_and_malformed_or_missing_ones_are_400_where_one_is_required() {
    let site = site!("required", "idempotent" => keyed().with("require_key", true));
    let with = |keys: &[&str]| {
        let mut message = Message::builder().user_id("u1");
        for key in keys {
            message = message.header("Idempotency-Key", *key);
        }
        Inputs::new().context(Some(message.build())).fingerprint([1; 32])
    };
    let long = "x".repeat(256);
    for keys in [&[][..], &["a", "a"], &[""], &["a b"], &[&long]] {
        let answer = call(site, with(keys), &Arc::default(), Ok).await;
        assert_eq!(refused(answer).http_status(), 400, "{keys:?}");
    }
    assert_eq!(call(site, with(&["a"]), &Arc::default(), Ok).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_a_run_share_its_key_and_can_pass_it_on() {
    let site = site!("shares", "idempotent" => keyed(), "retry" => Settings::new().with("attempts", 2));
    let seen = std::sync::Mutex::new(Vec::new());
    let answer = run_many(site, stored_outcome!(Result<u32>), inputs("u1", "k-1", 1), || async {
        let mut seen = seen.lock().unwrap();
        seen.push(current_key());
        if seen.len() == 1 { Err(Failing::Status(503)) } else { Ok(1) }
    });
    answer.await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [Some("k-1".to_owned()), Some("k-1".to_owned())]);
    assert_eq!(current_key(), None);
}

#[tokio::test(start_paused = true)]
async fn two_sites_with_one_scope_are_an_error_that_names_the_other_and_asks_for_a_name() {
    let one = site!("scope-one", "idempotent" => keyed().with("name", "orders"));
    let two = site!("scope-two", "idempotent" => keyed().with("name", "orders"));
    call(one, inputs("u1", "k", 1), &Arc::default(), Ok).await.unwrap();
    let rejection = refused(call(two, inputs("u1", "k", 1), &Arc::default(), Ok).await);
    let text = rejection.to_string();
    assert!(text.contains("once::scope-one") && text.contains("name"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn only_successes_are_stored_unless_a_site_keeps_the_callers_faults() {
    type Kept = std::result::Result<u32, String>;
    let site = site!("faults", "idempotent" => keyed().with("store_errors", true));
    let runs = AtomicU32::new(0);
    let call = async |key: &str, text: &'static str| -> Kept {
        run_many(site, stored_outcome!(Kept), inputs("u1", key, 1), || {
            runs.fetch_add(1, Ordering::Relaxed);
            async move { Err(text.to_owned()) }
        })
        .await
    };
    for _ in 0..2 {
        assert_eq!(call("fault", "HTTP 409: sold out").await, Err("HTTP 409: sold out".to_owned()));
    }
    assert_eq!(runs.swap(0, Ordering::Relaxed), 1);
    for _ in 0..2 {
        assert!(call("server", "HTTP 500").await.is_err());
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}
