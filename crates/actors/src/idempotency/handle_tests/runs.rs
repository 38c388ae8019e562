use super::*;

#[tokio::test(start_paused = true)]
async fn one_key_is_one_run_and_a_repeat_gets_the_first_ones_bytes() {
    let store = store(&Settings::new());
    let run = started(&store, "k").await;
    assert!(run.is_kept());
    assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::InFlight, 409, Some(30)));
    run.complete(Some(bytes("created"))).await;
    for _ in 0..3 {
        assert_eq!(replayed(begin(&store, "k").await), "created");
    }
    assert_eq!(store.status().runs, 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_payload_is_422_while_it_runs_and_after_it_is_done() {
    let store = store(&Settings::new().with("on_conflict", "wait"));
    let run = started(&store, "k").await;
    let key = key("k");
    let other = || store.begin(&key, OTHER_ORDER, Time::MAX);
    assert_eq!(conflict(other().await), (ConflictReason::OtherPayload, 422, None));
    run.complete(Some(bytes("10"))).await;
    assert_eq!(conflict(other().await), (ConflictReason::OtherPayload, 422, None));
    assert_eq!(replayed(begin(&store, "k").await), "10");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_before_its_handler_was_polled_leaves_its_key_free() {
    let store = store(&Settings::new());
    drop(granted(begin(&store, "k").await));
    granted(begin(&store, "k").await).unknown("it was cut before it began").await;
    let run = granted(begin(&store, "k").await);
    assert!(run.is_kept());
    assert_eq!(store.status().records, 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_or_cut_after_that_is_unknown_for_its_time_and_does_not_run_again() {
    for cut in [false, true] {
        let store = store(&Settings::new());
        let run = started(&store, "k").await;
        if cut {
            run.unknown("its timeout cut it").await;
        } else {
            drop(run);
        }
        assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::Unknown, 409, Some(900)));
        pass(seconds(899)).await;
        assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::Unknown, 409, Some(1)));
        pass(seconds(1)).await;
        granted(begin(&store, "k").await).release().await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_site_says_so_a_key_whose_outcome_is_unknown_runs_again() {
    let store = store(&Settings::new().with("on_unknown", "rerun"));
    drop(started(&store, "k").await);
    started(&store, "k").await.complete(Some(bytes("r"))).await;
    assert_eq!(replayed(begin(&store, "k").await), "r");
}

#[tokio::test(start_paused = true)]
async fn when_every_attempt_returned_an_error_the_key_is_released_and_a_repeat_runs() {
    let store = store(&Settings::new());
    started(&store, "k").await.release().await;
    assert_eq!(store.status().records, 0);
    started(&store, "k").await.complete(None).await;
}

#[tokio::test(start_paused = true)]
async fn if_any_attempt_was_cut_and_none_succeeded_the_outcome_is_unknown_whatever_the_last_one_said() {
    let store = store(&Settings::new());
    let run = started(&store, "k").await;
    run.attempt_cut("its timeout cut it");
    run.release().await;
    assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::Unknown, 409, Some(900)));
    let run = started(&store, "other").await;
    run.attempt_cut("its timeout cut it");
    run.complete(Some(bytes("a later attempt"))).await;
    assert_eq!(replayed(begin(&store, "other").await), "a later attempt");
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_ten_seconds_holds_for_a_handler_of_sixty() {
    let store = store(&Settings::new());
    let config = IdempotencyConfig::default().with_lease(seconds(10));
    store.hosted().reconfigure(config.clone());
    let store = IdempotencyHandle::new(Arc::clone(store.hosted()), config);
    let running = tokio::spawn({
        let store = store.clone();
        async move {
            let handler = || async {
                tokio::time::sleep(seconds(60)).await;
                Ok::<_, Rejection>(b"r".to_vec())
            };
            store.run(&key("k"), ORDER, Codec::BYTES, handler).await
        }
    });
    pass(seconds(15)).await;
    assert_eq!(conflict(begin(&store, "k").await).0, ConflictReason::InFlight);
    pass(seconds(46)).await;
    assert_eq!(running.await.unwrap(), Ok(b"r".to_vec()));
    assert_eq!((replayed(begin(&store, "k").await).as_str(), store.status().runs), ("r", 1));
}

#[tokio::test(start_paused = true)]
async fn two_users_who_send_one_key_each_get_their_own_answer() {
    let store = store(&Settings::new());
    let key = |user| {
        let space = KeySpace { scope: "POST /orders", principal: Principal::User(user), path: &[] };
        RecordKey::explicit(space, "1").unwrap()
    };
    for user in ["a", "b"] {
        let run = granted(store.begin(&key(user), ORDER, Time::MAX).await);
        run.started();
        run.complete(Some(bytes(user))).await;
    }
    for user in ["a", "b"] {
        assert_eq!(replayed(store.begin(&key(user), ORDER, Time::MAX).await), user);
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_machine_keeps_records_by_wall_time_and_leases_by_monotonic_time() {
    let store = store(&Settings::new());
    started(&store, "done").await.complete(Some(bytes("r"))).await;
    let _running = started(&store, "running").await;
    store.hosted().clock().shift_wall(seconds(23 * 60 * 60), false);
    assert_eq!(replayed(begin(&store, "done").await), "r");
    assert_eq!(conflict(begin(&store, "running").await), (ConflictReason::InFlight, 409, Some(30)));
    store.hosted().clock().shift_wall(seconds(60 * 60), false);
    assert!(granted(begin(&store, "done").await).is_kept());
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_large_or_was_streamed_is_409_for_a_repeat_and_never_a_run_or_an_empty_200() {
    let store = store(&Settings::new().with("max_result", "256KiB"));
    let large: Arc<[u8]> = vec![0; 256 * 1024 + 1].into();
    for (text, result) in [("large", Some(large)), ("streamed", None)] {
        started(&store, text).await.complete(result).await;
        assert_eq!(conflict(begin(&store, text).await), (ConflictReason::ResultNotKept, 409, None));
    }
    assert_eq!(store.status().runs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_store_is_503_for_new_keys_and_evicts_no_live_record() {
    let store = store(&Settings::new().with("max_records", 2));
    started(&store, "done").await.complete(Some(bytes("r"))).await;
    let _running = started(&store, "running").await;
    let rejection = begin(&store, "new").await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.http_status()), (RejectionKind::Unavailable, 503));
    assert_eq!(rejection.retry_after().map(|after| after.as_secs_f64().ceil()), Some(86_400.0));
    assert_eq!(replayed(begin(&store, "done").await), "r");
    assert_eq!(conflict(begin(&store, "running").await).0, ConflictReason::InFlight);
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_is_dropped_at_any_point_of_its_way_leaves_its_key_free() {
    for polls in 0..6 {
        let store = store(&Settings::new());
        drop(begin(&store, "another").await);
        {
            let mut begun = std::pin::pin!(begin(&store, "k"));
            for _ in 0..polls {
                let once = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(begun.as_mut().poll(context).is_ready())
                });
                if once.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        assert!(begin(&store, "k").await.is_ok(), "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_the_run_lives_however_long_it_takes() {
    let store = store(&Settings::new());
    let run = granted(begin(&store, "k").await);
    assert_eq!(run.renew_every(), seconds(10));
    let running = tokio::spawn(async move {
        run.started();
        run.renewed(tokio::time::sleep(seconds(100))).await;
        run.complete(Some(bytes("late"))).await;
    });
    for _ in 0..6 {
        pass(seconds(15)).await;
        assert_eq!(conflict(begin(&store, "k").await).0, ConflictReason::InFlight);
    }
    pass(seconds(11)).await;
    running.await.unwrap();
    assert_eq!(replayed(begin(&store, "k").await), "late");
    assert_eq!(store.status().runs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_renews_leaves_the_outcome_unknown_until_its_owner_speaks() {
    let store = store(&Settings::new());
    let run = started(&store, "k").await;
    pass(seconds(31)).await;
    assert_eq!(conflict(begin(&store, "k").await).0, ConflictReason::Unknown);
    run.complete(Some(bytes("it was only slow"))).await;
    assert_eq!(replayed(begin(&store, "k").await), "it was only slow");
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_place_was_taken_is_fenced_whatever_it_says() {
    let store = store(&Settings::new().with("on_unknown", "rerun"));
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(started(&store, "k").await);
        pass(seconds(31)).await;
    }
    let present = started(&store, "k").await;
    slow.pop().unwrap().complete(Some(bytes("stale"))).await;
    slow.pop().unwrap().release().await;
    slow.pop().unwrap().unknown("its timeout cut it").await;
    slow.pop().unwrap().renew();
    assert_eq!(conflict(begin(&store, "k").await), (ConflictReason::InFlight, 409, Some(30)));
    present.complete(Some(bytes("fresh"))).await;
    assert_eq!(replayed(begin(&store, "k").await), "fresh");
}
