//! 5. Retry.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::{sleep, timeout};

use crate::common::{Failed, Runs, counted, now};

#[retry(attempts = 3, jitter = false)]
async fn three(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn attempts_counts_all_calls_and_the_first_is_one_of_them() {
    let runs = Runs::new();
    assert_eq!(three(runs.clone()).await, Err(Failed::Kind(ErrorKind::ServerError)));
    assert_eq!(runs.at(), [0, 1_000, 3_000]);
}

#[retry(attempts = 2_000, max_delay = "3s", jitter = false, budget = "off")]
async fn thousands(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::Unavailable))
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_their_cap_and_stay_there_at_any_attempt() {
    let runs = Runs::new();
    assert!(thousands(runs.clone()).await.is_err());
    let at = runs.at();
    assert_eq!(at.len(), 2_000);
    let waits: Vec<u128> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..2], [1_000, 2_000]);
    assert!(waits[2..].iter().all(|wait| *wait == 3_000));
}

#[retry(attempts = 200, base_delay = "1s", max_delay = "8s", budget = "off")]
async fn jittered(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::Unavailable))
}

#[tokio::test(start_paused = true)]
async fn with_jitter_a_wait_is_anything_up_to_its_bound_and_never_more() {
    let runs = Runs::new();
    assert!(jittered(runs.clone()).await.is_err());
    let waits: Vec<u128> = runs.at().windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A timer fires at the next whole millisecond.
    assert!(waits.iter().all(|wait| *wait <= 8_001), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 4_000) && waits.iter().any(|wait| *wait > 4_000), "{waits:?}");
}

#[retry(attempts = 5, base_delay = "1ms")]
#[circuit_breaker("retry-ends", failure_threshold = 2)]
async fn ends(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ConnectionError))
}

#[retry(attempts = 4, retry_on = ["open"])]
#[circuit_breaker("retry-opts-in", failure_threshold = 1, recovery_timeout = "15s")]
async fn opts_in(runs: Runs) -> Result<(), Failed> {
    if runs.next() == 1 { Err(Failed::Kind(ErrorKind::ServerError)) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_ends_the_loop_at_once_unless_open_is_asked_for() {
    let runs = Runs::new();
    let refused = ends(runs.clone()).await.unwrap_err();
    assert!(matches!(refused, Failed::Ours(Rejection::Open { .. })), "{refused:?}");
    assert_eq!(runs.all(), 2);
    let patient = Runs::new();
    assert!(opts_in(patient.clone()).await.is_err(), "nothing but open is repeated here");
    assert!(opts_in(patient.clone()).await.is_ok());
    assert_eq!(patient.at(), [0, 15_000]);
}

#[retry(attempts = 3, base_delay = "1s", max_delay = "5s", jitter = false)]
async fn obeys(runs: Runs, asked: Vec<Option<Duration>>) -> Result<(), Failed> {
    let run = runs.next() as usize;
    asked.get(run - 1).map_or(Ok(()), |wait| Err(Failed::Busy(*wait)))
}

#[tokio::test(start_paused = true)]
async fn a_servers_retry_after_is_waited_for_and_never_shorter_than_the_own_backoff() {
    let asked = vec![Some(Duration::from_secs(4)), Some(Duration::ZERO)];
    let runs = Runs::new();
    assert_eq!(obeys(runs.clone(), asked).await, Ok(()));
    assert_eq!(runs.at(), [0, 4_000, 6_000]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_above_max_delay_ends_the_call_now_and_is_passed_on() {
    let runs = Runs::new();
    let asked = Failed::Busy(Some(Duration::from_millis(5_001)));
    let start = now();
    let ended = obeys(runs.clone(), vec![Some(Duration::from_millis(5_001))]).await;
    assert_eq!((ended, now() - start, runs.all()), (Err(asked), Duration::ZERO, 1));
}

#[timeout("3s")]
async fn hurried(runs: Runs) -> Result<(), Failed> {
    obeys(runs, vec![Some(Duration::from_secs(4)); 3]).await
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_that_leaves_no_time_for_an_attempt_ends_the_call_now() {
    let (runs, start) = (Runs::new(), now());
    assert_eq!(hurried(runs.clone()).await, Err(Failed::Busy(Some(Duration::from_secs(4)))));
    assert_eq!((now() - start, runs.all()), (Duration::ZERO, 1));
}

#[retry(attempts = 3, jitter = false, budget = "off")]
async fn inner(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::RateLimit))
}

#[retry(attempts = 4, budget = "off")]
async fn outer(runs: Runs) -> Result<(), Failed> {
    inner(runs).await
}

#[timeout("100s")]
async fn between(runs: Runs) -> Result<(), Failed> {
    inner(runs).await
}

#[retry(attempts = 4, budget = "off")]
async fn outermost(runs: Runs) -> Result<(), Failed> {
    between(runs).await
}

#[retry(attempts = 4, budget = "off", nested = "multiply")]
async fn multiplies(runs: Runs) -> Result<(), Failed> {
    inner(runs).await
}

#[tokio::test(start_paused = true)]
async fn nested_retries_do_not_multiply_unless_that_is_asked_for() {
    let runs = Runs::new();
    assert!(outer(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 3);
    let runs = Runs::new();
    assert!(multiplies(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_site_without_a_retry_between_two_that_have_one_does_not_make_them_multiply() {
    let runs = Runs::new();
    assert!(outermost(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 3);
}

#[retry(attempts = 3, jitter = false, budget = "off")]
async fn second_part(runs: Runs, part: Runs) -> Result<(), Failed> {
    if part.all() == 0 {
        part.next();
        let _ = inner(Runs::new()).await;
        // Its failure is over and done with: what fails next is another thing.
        return Ok(());
    }
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn what_a_call_knew_of_its_retries_dies_with_it() {
    let (runs, part) = (Runs::new(), Runs::new());
    assert!(second_part(runs.clone(), part.clone()).await.is_ok());
    assert!(second_part(runs.clone(), part).await.is_err());
    assert_eq!(runs.all(), 3);
}

#[retry(attempts = 1_000, strategy = "fixed", base_delay = "1ms", jitter = false,
        budget = { ratio = 0.5, min = "1/s", cap = 4 })]
#[circuit_breaker("budget-of-one-name", failure_threshold = 100_000)]
async fn pays(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[retry(attempts = 1_000, strategy = "fixed", base_delay = "1ms", jitter = false,
        budget = { ratio = 0.5, min = "1/s", cap = 4 })]
#[circuit_breaker("budget-of-one-name", failure_threshold = 100_000)]
async fn pays_too(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_returns_the_last_error_and_refills_with_calls_and_with_time() {
    let runs = Runs::new();
    assert_eq!(pays(runs.clone()).await, Err(Failed::Kind(ErrorKind::ServerError)));
    assert_eq!(runs.all(), 5, "the first attempt, and four that the full budget pays for");
    // One half each: the second call finds a whole token.
    for after in [6, 8] {
        assert!(pays(runs.clone()).await.is_err());
        assert_eq!(runs.all(), after);
    }
    sleep(Duration::from_secs(60)).await;
    assert!(pays(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 13, "never more than its cap");
}

#[tokio::test(start_paused = true)]
async fn sites_on_one_breaker_share_one_budget() {
    let runs = Runs::new();
    assert!(pays(runs.clone()).await.is_err());
    let other = Runs::new();
    assert!(pays_too(other.clone()).await.is_err());
    assert_eq!((runs.all(), other.all()), (5, 1));
}

#[retry(attempts = 1_000, strategy = "fixed", base_delay = "1ms", jitter = false)]
#[circuit_breaker("budget-of-one-name", failure_threshold = 100_000)]
async fn says_nothing_of_it(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn what_one_site_says_of_a_budget_holds_for_all_that_pay_from_it_whoever_calls_first() {
    let runs = Runs::new();
    assert!(says_nothing_of_it(runs.clone()).await.is_err());
    assert_eq!(runs.all(), 5, "four repeats are what the other sites' budget holds");
    let described = Runtime::current().describe("says_nothing_of_it").unwrap().to_string();
    assert!(described.contains("budget 50 % of first runs plus 1 in 1s, at most 4"), "{described}");
}

#[retry(attempts = 3, strategy = "fixed", base_delay = "10s", jitter = false)]
#[circuit_breaker("dropped-in-a-backoff")]
async fn waits(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn cancelling_during_a_backoff_ends_at_once_with_no_further_run() {
    let (runs, start) = (Runs::new(), now());
    assert!(timeout(Duration::from_millis(100), waits(runs.clone())).await.is_err());
    assert_eq!(now() - start, Duration::from_millis(100));
    sleep(Duration::from_secs(60)).await;
    assert_eq!((runs.all(), counted("dropped-in-a-backoff").await), (1, (1, 1)));
}

#[retry(attempts = 3, jitter = false, mode = "off")]
async fn switched_off(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[retry(attempts = 3, jitter = false, mode = "observe")]
async fn observed(runs: Runs) -> Result<(), Failed> {
    runs.next();
    Err(Failed::Kind(ErrorKind::ServerError))
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_off_or_observes_repeats_nothing() {
    for (mode, call) in [("off", true), ("observe", false)] {
        let runs = Runs::new();
        let result = if call { switched_off(runs.clone()).await } else { observed(runs.clone()).await };
        assert!(result.is_err());
        assert_eq!(runs.all(), 1, "{mode}");
    }
}
