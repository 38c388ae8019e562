use super::*;
use crate::host::AskError;
use crate::rejection::UnavailableReason;

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_run_is_noticed_by_neither_its_owner_nor_those_who_wait() {
    let store = store(&Settings::new().with("on_conflict", "wait"));
    let run = granted(begin(&store, "k").await);
    let waiter = tokio::spawn({
        let store = store.clone();
        async move { store.begin(&key("k"), ORDER, Time::MAX).await }
    });
    tokio::task::yield_now().await;
    store.hosted().crash().await.unwrap();
    run.started();
    store.hosted().crash().await.unwrap();
    run.complete(Some(bytes("r"))).await;
    assert_eq!(replayed(waiter.await.unwrap()), "r");
    assert_eq!(replayed(begin(&store, "k").await), "r");
    assert_eq!((store.status().runs, store.hosted().restarts()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_cannot_decide_a_store_rejects_and_holds_and_notes_nothing() {
    let store = store(&Settings::new());
    crash_too_often(&store).await;
    for _ in 0..100 {
        let rejection = begin(&store, "k").await.unwrap_err();
        assert_eq!((rejection.kind(), rejection.http_status()), (RejectionKind::Unavailable, 503));
        assert!(rejection.retry_after().is_some());
    }
    assert_eq!(store.hosted().noted(), 0);
    assert!(store.resolve(&key("k"), Resolution::DidNot).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_to_allow_lets_calls_run_meanwhile_and_keeps_nothing_of_them() {
    let store = store(&Settings::new().with("on_unavailable", "allow"));
    crash_too_often(&store).await;
    for _ in 0..2 {
        let run = started(&store, "k").await;
        assert!(!run.is_kept());
        run.renewed(std::future::ready(())).await;
        run.complete(Some(bytes("r"))).await;
    }
    assert_eq!(store.hosted().noted(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_when_it_fails_are_told_and_leave_nobody_in_line() {
    let store = store(&Settings::new().with("on_conflict", "wait"));
    let run = started(&store, "k").await;
    let waiter = tokio::spawn({
        let store = store.clone();
        async move { store.begin(&key("k"), ORDER, Time::MAX).await }
    });
    tokio::task::yield_now().await;
    crash_too_often(&store).await;
    let reason = UnavailableReason::Failed;
    assert!(
        matches!(waiter.await.unwrap(), Err(Rejection::Unavailable { reason: its, .. }) if its == reason)
    );
    pass(seconds(61)).await;
    run.release().await;
    let status = store.status();
    assert_eq!((status.records, status.waiting, status.runs), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_run_came_to_while_the_store_was_down_is_not_lost() {
    let store = store(&Settings::new());
    let (done, cut) = (started(&store, "done").await, started(&store, "cut").await);
    let idle = granted(begin(&store, "idle").await);
    crash_too_often(&store).await;
    done.complete(Some(bytes("r"))).await;
    drop((cut, idle));
    pass(seconds(61)).await;
    assert_eq!(replayed(begin(&store, "done").await), "r");
    assert_eq!(conflict(begin(&store, "cut").await).0, ConflictReason::Unknown);
    assert!(begin(&store, "idle").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_key_is_refused_whatever_is_declared_and_no_other_one() {
    let store = store(&Settings::new().with("on_unavailable", "allow"));
    store.hosted().quarantine(&key("poison").to_string());
    for _ in 0..2 {
        let rejection = begin(&store, "poison").await.unwrap_err();
        assert_eq!(rejection.http_status(), 503);
        assert!(rejection.retry_after().is_some());
        assert!(begin(&store, "k").await.is_ok());
    }
    crash_too_often(&store).await;
    assert!(begin(&store, "poison").await.is_err());
    assert!(begin(&store, "k").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_told_at_once() {
    let store = store(&Settings::new());
    drop(begin(&store, "k").await);
    let crowd: Vec<_> = (0..3_000).map(|number| begin_soon(&store, number)).collect();
    let mut full = 0;
    for begun in crowd {
        if let Err(Rejection::Unavailable { reason: UnavailableReason::MailboxFull, .. }) =
            begun.await.unwrap()
        {
            full += 1;
        }
    }
    assert!(full > 0);
    assert_eq!(AskError::MailboxFull.rejection(Kind::Idempotency, "default").http_status(), 503);
    assert!(begin(&store, "k").await.is_ok());
}

fn begin_soon(store: &IdempotencyHandle, number: u32) -> tokio::task::JoinHandle<Result<Begun, Rejection>> {
    let store = store.clone();
    tokio::spawn(async move { begin(&store, &number.to_string()).await })
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_holds_what_a_run_came_to_although_the_actor_was_stopped_before() {
    let store = store(&Settings::new());
    let (done, cut) = (started(&store, "done").await, started(&store, "cut").await);
    let idle = granted(begin(&store, "idle").await);
    store.hosted().stop().await;
    tokio::task::yield_now().await;
    assert!(begin(&store, "k").await.is_err());
    done.complete(Some(bytes("r"))).await;
    drop((cut, idle));
    let written = store.hosted().snapshot();
    let next = self::store(&Settings::new());
    next.hosted().restore(&written).unwrap();
    assert_eq!(next.status().records, 2);
    assert_eq!(replayed(begin(&next, "done").await), "r");
    assert_eq!(conflict(begin(&next, "cut").await).0, ConflictReason::Unknown);
}
