use super::*;
use crate::rejection::Rejection;
use crate::settings::Mode;

type Answer = Result<u32, CallError<&'static str>>;

async fn fails(breaker: &BreakerHandle) -> Answer {
    breaker.call(|| async { Err::<u32, _>("broken") }).await
}

async fn succeeds(breaker: &BreakerHandle) -> Answer {
    breaker.call(|| async { Ok(7) }).await
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_work_comes_back_as_it_is_and_a_refusal_as_ours_without_any_work() {
    let breaker = handle(&Settings::new().with("failure_threshold", 2));
    assert_eq!(succeeds(&breaker).await, Ok(7));
    for _ in 0..2 {
        assert_eq!(fails(&breaker).await, Err(CallError::Failed("broken")));
    }
    let mut worked = false;
    let refused: Answer = breaker
        .call(|| {
            worked = true;
            async { Ok(1) }
        })
        .await;
    assert!(matches!(refused, Err(CallError::Rejected(Rejection::Open { .. }))));
    assert!(!worked);
    let as_text = breaker.call(|| async { Err::<u32, String>("broken".to_owned()) }).await;
    assert!(as_text.map_err(CallError::into_error).unwrap_err().contains("\"db\" is open"));
}

#[tokio::test(start_paused = true)]
async fn after_the_recovery_time_calls_close_it_again() {
    let breaker = opened(Settings::new()).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(succeeds(&breaker).await, Ok(7));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn whoever_judges_its_errors_says_which_are_the_dependencys() {
    let breaker = handle(&Settings::new().with("failure_threshold", 1));
    let judge = |result: &Result<u32, u16>| match result {
        Ok(_) => Ending::Success,
        Err(404) => Ending::Error(ErrorKind::NotFound),
        Err(_) => Ending::Error(ErrorKind::ServerError),
    };
    assert!(breaker.call_judged(|| async { Err(404) }, judge).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(breaker.call_judged(|| async { Err(500) }, judge).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_takes_longer_than_its_time_is_cut_and_has_failed() {
    let breaker = opened(Settings::new().with("probe_timeout", "2s")).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let start = breaker.hosted().now();
    let cut: Answer = breaker.call(std::future::pending).await;
    assert!(matches!(cut, Err(CallError::Rejected(Rejection::TimedOut { .. }))));
    assert_eq!(breaker.hosted().now().since(start), Duration::from_secs(2));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_says_nothing_of_the_dependency_unless_it_ran_for_long() {
    for (seconds, state) in [(4, BreakerState::Closed), (6, BreakerState::Open)] {
        let breaker = handle(&Settings::new().with("failure_threshold", 1));
        let call = breaker.call(std::future::pending::<Result<u32, &str>>);
        assert!(tokio::time::timeout(Duration::from_secs(seconds), call).await.is_err());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(breaker.state(), state, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_leaves_its_slot_to_the_next() {
    let breaker = opened(Settings::new()).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let call = breaker.call(std::future::pending::<Result<u32, &str>>);
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    assert_eq!(succeeds(&breaker).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure() {
    let breaker = handle(&Settings::new().with("failure_threshold", 1));
    let panics = breaker.clone();
    let task = tokio::spawn(async move {
        let _: Answer = panics.call(|| async { panic!("in the middle of its work") }).await;
    });
    assert!(task.await.is_err());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn observe_and_off_are_an_operators_to_order_and_to_take_back() {
    let breaker = opened(Settings::new()).await;
    assert!(succeeds(&breaker).await.is_err());
    breaker.set_mode(Some(Mode::Observe));
    assert_eq!((succeeds(&breaker).await, breaker.would_refuse()), (Ok(7), 1));
    breaker.set_mode(Some(Mode::Off));
    assert_eq!((succeeds(&breaker).await, breaker.would_refuse()), (Ok(7), 1));
    breaker.set_mode(None);
    assert_eq!(breaker.mode(), Mode::Enforce);
    assert!(succeeds(&breaker).await.is_err());
}
