use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::__private::{Inputs, Settings, Site, outcome, run_many};
use crate::{Rejection, RejectionKind, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "preempting";

fn named(name: &str) -> Settings {
    Settings::new().with("name", name)
}

async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn slow(site: &'static Site) -> Result<u32> {
    run_many(site, outcome!(Result<u32>), Inputs::new(), || async {
        millis(500).await;
        Ok(1)
    })
    .await
}

/// Notes when it is dropped.
struct Unwinds(&'static Mutex<Vec<&'static str>>);

impl Drop for Unwinds {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("the low one unwound");
    }
}

#[tokio::test(start_paused = true)]
async fn a_high_call_cuts_a_low_one_which_is_answered_503_and_its_own_begins_only_after_that() {
    static NOTED: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let pool = site!("pool", "bulkhead" => named("cut").with("capacity", 1));
    let low = site!("low", "bulkhead_priority" => named("cut").with("priority", "low"));
    let high =
        site!("high", "bulkhead_priority" => named("cut").with("priority", "high").with("preempt", true));
    slow(pool).await.unwrap();
    // Its plan tells the pool that holders are to be known.
    run_many(high, outcome!(Result<u32>), Inputs::new(), || async { Ok(1) }).await.unwrap();
    let cut = tokio::spawn(run_many(low, outcome!(Result<u32>), Inputs::new(), || async {
        let _unwinds = Unwinds(&NOTED);
        millis(60_000).await;
        Ok(1)
    }));
    millis(10).await;
    let answer = run_many(high, outcome!(Result<u32>), Inputs::new(), || async {
        NOTED.lock().unwrap().push("the high one began");
        Ok(2)
    });
    assert_eq!(answer.await, Ok(2));
    let rejection = cut.await.unwrap().unwrap_err();
    assert_eq!((rejection.kind(), rejection.http_status()), (RejectionKind::Preempted, 503));
    assert!(rejection.to_string().contains("a caller of higher priority took the permit"), "{rejection}");
    assert_eq!(*NOTED.lock().unwrap(), ["the low one unwound", "the high one began"]);
    let pool = Runtime::current().registry().bulkhead("cut").unwrap();
    millis(1).await;
    assert_eq!((pool.in_use(), pool.waiting()), (0, 0));
}

async fn runs_of_a_cut_call(low: &'static Site, high: &'static Site) -> (Result<u32>, u32) {
    let runs = AtomicU32::new(0);
    // Its plan tells the pool that holders are to be known.
    run_many(high, outcome!(Result<u32>), Inputs::new(), || async { Ok(1) }).await.unwrap();
    let inputs = Inputs::new().fingerprint([7; 32]);
    let cut = run_many(low, crate::__private::stored_outcome!(Result<u32>), inputs, || async {
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            millis(60_000).await;
        }
        Ok(7)
    });
    let cutting = async {
        millis(10).await;
        run_many(high, outcome!(Result<u32>), Inputs::new(), || async { Ok(1) }).await
    };
    let (answer, other) = tokio::join!(cut, cutting);
    assert_eq!(other, Ok(1));
    (answer, runs.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_preempted_call_is_repeated_where_it_is_idempotent_and_only_there() {
    let high =
        site!("h", "bulkhead_priority" => named("again").with("priority", "high").with("preempt", true));
    let idempotent = site!(
        "idempotent",
        "bulkhead" => named("again").with("capacity", 1),
        "retry" => Settings::new().with("attempts", 2),
        "idempotent" => Settings::new().with("name", "again"),
    );
    assert_eq!(runs_of_a_cut_call(idempotent, high).await, (Ok(7), 2));
    let plain = site!(
        "plain",
        "bulkhead" => named("again"),
        "retry" => Settings::new().with("attempts", 2),
    );
    let (answer, runs) = runs_of_a_cut_call(plain, high).await;
    assert_eq!((answer.unwrap_err().kind(), runs), (RejectionKind::Preempted, 1));
    let opted_in = site!(
        "opted-in",
        "bulkhead" => named("again"),
        "retry" => Settings::new().with("attempts", 2).with("retry_on", vec!["preempted"]),
    );
    assert_eq!(runs_of_a_cut_call(opted_in, high).await, (Ok(7), 2));
}

#[tokio::test(start_paused = true)]
async fn a_preempted_call_says_nothing_of_its_dependency() {
    let high = site!("blameless", "bulkhead_priority" => named("calm").with("priority", "high").with("preempt", true));
    let low = site!(
        "calm",
        "bulkhead" => named("calm").with("capacity", 1),
        "circuit_breaker" => named("calm").with("failure_threshold", 1).with("minimum_requests", 1),
    );
    let (answer, _) = runs_of_a_cut_call(low, high).await;
    assert_eq!(answer.unwrap_err().kind(), RejectionKind::Preempted);
    let breaker = Runtime::current().registry().breaker("calm").unwrap();
    assert_eq!(breaker.state(), steadfast_actors::breaker::BreakerState::Closed);
}
