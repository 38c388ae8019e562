use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const TEXT: Codec<String> = Codec {
    encode: |text| Some(text.clone().into_bytes()),
    decode: |bytes| String::from_utf8(bytes.to_vec()).ok(),
};

#[derive(Debug, PartialEq)]
enum Failure {
    Own,
    Refused(Rejection),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Failure::Refused(rejection)
    }
}

async fn charge(
    store: &IdempotencyHandle,
    runs: &AtomicU32,
    result: Result<&str, Failure>,
) -> Result<String, Failure> {
    store
        .run(&key("k"), ORDER, TEXT, || async {
            runs.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(300)).await;
            result.map(str::to_owned)
        })
        .await
}

fn refusal(result: Result<String, Failure>) -> (ConflictReason, u16, Option<u64>) {
    match result {
        Err(Failure::Refused(rejection)) => conflict(Err(rejection)),
        other => panic!("it must be refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn two_first_requests_at_once_are_one_run() {
    for (on_conflict, waits) in [("wait", true), ("reject", false)] {
        let store = store(&Settings::new().with("on_conflict", on_conflict));
        let runs = AtomicU32::new(0);
        let (first, second) =
            tokio::join!(charge(&store, &runs, Ok("created")), charge(&store, &runs, Ok("created again")));
        assert_eq!(first, Ok("created".to_owned()));
        if waits {
            assert_eq!(second, Ok("created".to_owned()));
        } else {
            let (reason, status, after) = refusal(second);
            assert_eq!((reason, status), (ConflictReason::InFlight, 409));
            assert!(after >= Some(1));
        }
        assert_eq!(charge(&store, &runs, Ok("later")).await, Ok("created".to_owned()));
        assert_eq!(runs.into_inner(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_returned_error_frees_the_key_and_only_a_success_is_kept() {
    let store = store(&Settings::new());
    let runs = AtomicU32::new(0);
    assert_eq!(charge(&store, &runs, Err(Failure::Own)).await, Err(Failure::Own));
    assert_eq!(charge(&store, &runs, Ok("r")).await, Ok("r".to_owned()));
    assert_eq!(charge(&store, &runs, Err(Failure::Own)).await, Ok("r".to_owned()));
    assert_eq!(runs.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_dropped_in_the_middle_or_panics_leaves_the_outcome_unknown() {
    for panics in [false, true] {
        let store = store(&Settings::new());
        let task = tokio::spawn({
            let store = store.clone();
            async move {
                let handler = || async move {
                    assert!(!panics, "after the commit");
                    std::future::pending().await
                };
                store.run::<_, Failure, _>(&key("k"), ORDER, TEXT, handler).await
            }
        });
        while store.status().runs == 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.is_err());
        let runs = AtomicU32::new(0);
        assert_eq!(refusal(charge(&store, &runs, Ok("r")).await).0, ConflictReason::Unknown);
        assert_eq!(runs.into_inner(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_handler_was_polled_never_was() {
    let store = store(&Settings::new());
    let runs = AtomicU32::new(0);
    drop(charge(&store, &runs, Ok("r")));
    assert_eq!(charge(&store, &runs, Ok("r")).await, Ok("r".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_encoded_or_read_back_is_done_and_never_runs_again() {
    let unreadable = Codec { decode: |_| None, ..TEXT };
    let unwritable = Codec { encode: |_| None, ..TEXT };
    for (text, codec) in [("unreadable", unreadable), ("unwritable", unwritable)] {
        let store = store(&Settings::new());
        let run = || async {
            store.run::<_, Failure, _>(&key(text), ORDER, codec, || async { Ok("r".to_owned()) }).await
        };
        assert_eq!(run().await, Ok("r".to_owned()));
        assert_eq!(refusal(run().await), (ConflictReason::ResultNotKept, 409, None));
        assert_eq!(store.status().runs, 1);
    }
    let bytes = Codec::BYTES;
    assert_eq!((bytes.decode)(&(bytes.encode)(&vec![1, 2]).unwrap()), Some(vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn an_operator_resolves_what_is_unknown_and_forgets_what_is_of_no_use_any_more() {
    let store = store(&Settings::new());
    assert_eq!(store.resolve(&key("k"), Resolution::DidNot).await, Ok(false));
    drop(started(&store, "k").await);
    assert_eq!(store.resolve(&key("k"), Resolution::TookEffect(Some(bytes("r")))).await, Ok(true));
    assert_eq!(replayed(begin(&store, "k").await), "r");
    assert_eq!(store.forget(&key("k")).await, Ok(true));
    let _run = started(&store, "k").await;
    assert_eq!(store.forget(&key("k")).await, Ok(false), "it runs");
}

#[tokio::test(start_paused = true)]
async fn observe_mode_decides_and_counts_but_lets_every_call_run_and_off_does_not_even_ask() {
    let observed = store(&Settings::new().with("mode", "observe").with("on_conflict", "wait"));
    let first = started(&observed, "k").await;
    assert!(!started(&observed, "k").await.is_kept());
    first.complete(Some(bytes("r"))).await;
    assert!(!started(&observed, "k").await.is_kept());
    assert_eq!((observed.would_refuse(), observed.status().runs), (2, 1));
    let off = store(&Settings::new().with("mode", "off"));
    for _ in 0..2 {
        started(&off, "k").await.complete(Some(bytes("r"))).await;
    }
    assert_eq!(off.status(), IdempotencyStatus::default());
}

#[tokio::test(start_paused = true)]
async fn sites_that_share_a_store_keep_their_own_terms_and_never_meet_unless_they_share_a_scope() {
    let store = store(&Settings::new().with("ttl", "100s"));
    let short = Idempotent::from_settings(&Settings::new().with("ttl", "10s")).unwrap();
    let short = store.of_site(short);
    started(&store, "long").await.complete(Some(bytes("long"))).await;
    started(&short, "short").await.complete(Some(bytes("short"))).await;
    assert_eq!(replayed(begin(&store, "short").await), "short");
    pass(seconds(10)).await;
    granted(begin(&short, "short").await).release().await;
    assert_eq!(replayed(begin(&short, "long").await), "long");
}

#[tokio::test(start_paused = true)]
async fn without_a_clients_key_a_result_lives_a_minute_so_that_a_second_intended_order_runs() {
    let store = store(&Settings::new());
    let space = KeySpace { scope: "POST /orders", principal: Principal::User("u7"), path: &[] };
    let print = fingerprint(b"{\"amount\":10}");
    let key = RecordKey::fingerprinted(space, &print);
    granted(store.begin(&key, print, Time::MAX).await).complete(Some(bytes("r"))).await;
    pass(seconds(59)).await;
    assert_eq!(replayed(store.begin(&key, print, Time::MAX).await), "r");
    pass(seconds(1)).await;
    assert!(granted(store.begin(&key, print, Time::MAX).await).is_kept());
}

#[test]
fn a_status_is_said_in_a_few_words() {
    let status = IdempotencyStatus { records: 3, in_flight: 2, unknown: 1, waiting: 4, ..Default::default() };
    assert_eq!(IdempotencyMachine::describe(&status), "3 records, 2 in flight, 1 unknown, 4 waiting");
}
