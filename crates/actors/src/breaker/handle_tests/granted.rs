use super::*;

fn success() -> Outcome {
    Outcome { ending: Ending::Success, latency: Duration::ZERO }
}

fn passed(breaker: &BreakerHandle) -> Granted {
    breaker.try_granted().expect("it is granted in advance").expect("it passes")
}

#[tokio::test(start_paused = true)]
async fn a_pass_without_a_future_counts_its_success_and_sends_no_message() {
    let breaker = handle(&Settings::new().with("window", 100));
    for _ in 0..7 {
        let granted = passed(&breaker);
        assert!(breaker.settle_granted(granted, &success()));
    }
    assert_eq!((breaker.status().counts.total, breaker.hosted().messages()), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_such_a_pass_is_left_to_be_reported_and_a_dropped_one_says_nothing() {
    let breaker = handle(&Settings::new().with("failure_threshold", 2));
    let cancelled = Outcome { ending: Ending::Cancelled, latency: Duration::ZERO };
    let granted = passed(&breaker);
    assert!(breaker.settle_granted(granted, &cancelled));
    assert!(!breaker.settle_granted(granted, &failure()));
    breaker.report_granted(granted, failure()).await;
    assert_eq!(breaker.status().counts.total, 1);
    breaker.permit(passed(&breaker)).report(failure()).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    // What is left of the older epoch changes nothing.
    let before = breaker.status();
    assert!(breaker.settle_granted(granted, &success()));
    breaker.note_granted(granted, failure());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(breaker.status(), before);
}

#[tokio::test(start_paused = true)]
async fn without_a_future_an_open_breaker_refuses_and_whatever_is_a_lease_is_to_be_asked_for() {
    let breaker = opened(Settings::new()).await;
    let refused = breaker.try_granted().unwrap().unwrap_err();
    assert_eq!(refused, breaker.admit(None).await.unwrap_err());
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(breaker.try_granted(), None);
    assert_eq!(handle(&Settings::new().with("grants", "off")).try_granted(), None);
    assert_eq!(handle(&Settings::new()).of("shard-7").try_granted(), None);
    let off = handle(&Settings::new().with("mode", "off"));
    assert!(off.settle_granted(passed(&off), &failure()));
}
