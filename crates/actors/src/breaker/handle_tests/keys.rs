use super::*;

async fn fail(breaker: &BreakerHandle) {
    breaker.admit(None).await.unwrap().report(failure()).await;
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_breaker_opens_for_itself() {
    let shards = handle(&Settings::new().with("failure_threshold", 1).with("by", "arg:shard"));
    fail(&shards.of("a")).await;
    assert_eq!((shards.of("a").state(), shards.of("b").state()), (BreakerState::Open, BreakerState::Closed));
    let rejection = shards.of("a").admit(None).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.name()), (RejectionKind::Open, "db"));
    assert!(shards.of("b").admit(None).await.is_ok() && shards.admit(None).await.is_ok());
    let (keys, unsettled) = shards.keys();
    assert_eq!((keys, unsettled.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_operators_order_for_a_key_leaves_the_others_alone() {
    let shards = handle(&Settings::new());
    shards.of("a").force_open().await;
    assert_eq!(shards.of("a").state(), BreakerState::ForcedOpen);
    assert!(shards.of("b").admit(None).await.is_ok());
    shards.of("a").reset().await;
    assert!(shards.of("a").admit(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_decide_closed_keys_pass_and_an_open_one_lets_only_its_own_probes_in() {
    let shards = handle(&Settings::new().with("failure_threshold", 1).with("success_threshold", 2));
    fail(&shards.of("a")).await;
    for _ in 0..6 {
        shards.hosted().crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(shards.of("a").admit(None).await.is_err());
    tokio::time::advance(Duration::from_secs(40)).await;
    let mut passed = Vec::new();
    for _ in 0..5 {
        passed.extend(shards.of("a").admit(None).await.ok());
    }
    assert_eq!(passed.len(), 2);
    assert!(shards.of("b").admit(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_key_is_refused_whatever_is_declared_and_the_others_are_served() {
    let shards = handle(&Settings::new());
    shards.hosted().quarantine("poison");
    let rejection = shards.of("poison").admit(None).await.unwrap_err();
    assert_eq!(
        (rejection.kind(), rejection.retry_after()),
        (RejectionKind::Unavailable, Some(Duration::from_secs(60)))
    );
    assert!(shards.of("other").admit(None).await.is_ok());
}
