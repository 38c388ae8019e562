use super::*;

fn waiting_store() -> IdempotencyHandle {
    store(&Settings::new().with("on_conflict", "wait"))
}

type Waiter = tokio::task::JoinHandle<Result<Begun, Rejection>>;

async fn waiter(store: &IdempotencyHandle, text: &str, deadline: Time) -> Waiter {
    let (store, key) = (store.clone(), key(text));
    let before = store.status().waiting;
    let waiter = tokio::spawn({
        let store = store.clone();
        async move { store.begin(&key, ORDER, deadline).await }
    });
    while store.status().waiting == before {
        tokio::task::yield_now().await;
    }
    waiter
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_the_first_ones_result() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let waiters = [waiter(&store, "k", Time::MAX).await, waiter(&store, "k", Time::MAX).await];
    run.complete(Some(bytes("r"))).await;
    for waiter in waiters {
        assert_eq!(replayed(waiter.await.unwrap()), "r");
    }
    assert_eq!((store.status().runs, store.status().waiting), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_callers_deadline_with_the_time_to_ask_again() {
    let store = waiting_store();
    let _run = started(&store, "k").await;
    let from = store.hosted().now();
    let late = begin_until(&store, from.after(seconds(5))).await;
    assert_eq!(store.hosted().now().since(from).as_secs(), 5);
    assert_eq!(conflict(late), (ConflictReason::InFlight, 409, Some(25)));
    assert_eq!(conflict(begin_until(&store, from).await).0, ConflictReason::InFlight, "over already");
    assert_eq!((store.status().waiting, store.hosted().noted()), (0, 0));
}

async fn begin_until(store: &IdempotencyHandle, deadline: Time) -> Result<Begun, Rejection> {
    store.begin(&key("k"), ORDER, deadline).await
}

#[tokio::test(start_paused = true)]
async fn when_a_key_comes_free_one_of_those_who_wait_runs_and_the_others_look_again_after_it() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let first = waiter(&store, "k", Time::MAX).await;
    let second = waiter(&store, "k", Time::MAX).await;
    run.release().await;
    let next = granted(first.await.unwrap());
    assert!(!second.is_finished());
    next.started();
    next.complete(Some(bytes("r"))).await;
    assert_eq!(replayed(second.await.unwrap()), "r");
    assert_eq!(store.status().runs, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_run_that_is_cut_is_told_that_its_outcome_is_unknown() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let waiter = waiter(&store, "k", Time::MAX).await;
    drop(run);
    assert_eq!(conflict(waiter.await.unwrap()), (ConflictReason::Unknown, 409, Some(900)));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_leaves_the_line_and_its_turn_to_the_next() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let gone = waiter(&store, "k", Time::MAX).await;
    let next = waiter(&store, "k", Time::MAX).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    run.release().await;
    granted(next.await.unwrap()).release().await;
    assert_eq!((store.status().waiting, store.status().records), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_just_as_it_is_let_in_gives_its_run_to_the_next() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let next = {
        // Polled by hand: its answer arrives while nobody looks.
        let mut gone = std::pin::pin!(begin(&store, "k"));
        while store.status().waiting == 0 {
            let once = std::future::poll_fn(|context| {
                std::task::Poll::Ready(gone.as_mut().poll(context).is_pending())
            });
            assert!(once.await);
            tokio::task::yield_now().await;
        }
        let next = waiter(&store, "k", Time::MAX).await;
        run.release().await;
        assert_eq!((store.status().runs, store.status().waiting), (2, 1));
        next
    };
    assert!(next.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn at_most_a_hundred_wait_for_one_key() {
    let store = waiting_store();
    let run = started(&store, "k").await;
    let mut waiters = Vec::new();
    for _ in 0..100 {
        waiters.push(waiter(&store, "k", Time::MAX).await);
    }
    assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::InFlight, 409, Some(30)));
    run.complete(Some(bytes("r"))).await;
    for waiter in waiters {
        assert_eq!(replayed(waiter.await.unwrap()), "r");
    }
}
