use super::*;

/// Crashes it beyond its restart limit: it is left alone for a minute.
async fn take_down(limiter: &LimiterHandle) {
    for _ in 0..6 {
        limiter.hosted().crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(limiter.hosted().is_failed());
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_decide_one_more_quota_is_all_that_a_key_gets() {
    for algorithm in ["sliding_window", "token_bucket", "fixed_window"] {
        let limiter = handle(&limit(5, "hour").with("algorithm", algorithm));
        assert_eq!(pass(&limiter, "a", 10).await, 5);
        take_down(&limiter).await;
        assert_eq!(pass(&limiter, "a", 20).await, 5);
        assert_eq!(pass(&limiter, "b", 20).await, 5);
        let rejection = limiter.check("a").await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::RateLimited);
        assert!(rejection.retry_after().is_some());
        assert_eq!(limiter.check_n("c", 6).await.unwrap_err().retry_after(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_comes_and_goes_buys_no_second_burst() {
    let limiter = handle(&limit(5, "hour"));
    assert_eq!(pass(&limiter, "a", 10).await, 5);
    for extra in [5, 0, 0] {
        take_down(&limiter).await;
        assert_eq!(pass(&limiter, "a", 10).await, extra);
        seconds(61).await;
        assert_eq!(pass(&limiter, "a", 10).await, 0);
        assert!(!limiter.hosted().is_failed());
    }
    seconds(2 * 3_600).await;
    assert_eq!(pass(&limiter, "a", 10).await, 5);
    take_down(&limiter).await;
    assert_eq!(pass(&limiter, "a", 10).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_an_outage_too_and_decided_at_once() {
    let limiter = handle_with(&limit(3, "hour"), HostOptions { mailbox: 1, ..HostOptions::default() });
    limiter.check("a").await.unwrap();
    let (first, second, third, fourth, fifth) = tokio::join!(
        limiter.check("a"),
        limiter.check("a"),
        limiter.check("a"),
        limiter.check("a"),
        limiter.check("a"),
    );
    let passed = [first, second, third, fourth, fifth].iter().filter(|result| result.is_ok()).count();
    // One has room in the mailbox; of the other four the handle's own quota takes three.
    assert_eq!(passed, 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ever_owed_to_an_actor_that_does_not_read_it() {
    let limiter = handle(&limit(1_000, "hour"));
    take_down(&limiter).await;
    for _ in 0..100 {
        limiter.reserve("a", 1, Time::MAX).await.unwrap().settle();
        drop(limiter.reserve("a", 1, Time::MAX).await.unwrap());
    }
    assert_eq!(limiter.check("a").await.unwrap().remaining, 1_000 - 101);
    assert_eq!(limiter.hosted().noted(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_to_reject_refuses_while_its_actor_cannot_decide() {
    let limiter = handle(&limit(5, "hour").with("on_unavailable", "reject"));
    take_down(&limiter).await;
    let rejection = limiter.check("a").await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.policy()), (RejectionKind::Unavailable, "rate_limit"));
    assert!(rejection.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_when_its_actor_is_given_up_is_decided_by_the_handle() {
    let limiter = handle(&limit(1, "minute").with("max_wait", "1h"));
    limiter.check("a").await.unwrap();
    let (first, second, ()) = tokio::join!(limiter.check("a"), limiter.check("a"), take_down(&limiter));
    assert_eq!([first, second].iter().filter(|result| result.is_ok()).count(), 1);
    seconds(60).await;
    limiter.check("a").await.expect("neither is still in the line, nor spends anything there");
    assert_eq!((limiter.status().waiting, limiter.status().held), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_quarantined_is_refused_whatever_is_declared() {
    let limiter = handle(&limit(5, "hour"));
    limiter.hosted().quarantine("poison");
    for _ in 0..2 {
        let rejection = limiter.check("poison").await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Unavailable);
        assert!(rejection.to_string().contains("quarantined"), "{rejection}");
        assert_eq!(rejection.retry_after().map(|rest| rest > Duration::from_secs(58)), Some(true));
        assert!(limiter.check("a").await.is_ok());
        take_down(&limiter).await;
    }
}
