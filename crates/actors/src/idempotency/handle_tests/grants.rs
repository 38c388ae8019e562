//! Results that are replayed from the gate, and those that are asked for, are the same, call for call.

use proptest::prelude::*;

use super::*;

/// What the one caller does next.
#[derive(Clone, Debug)]
enum Step {
    /// In seconds.
    Wait(u64),
    Begin {
        key: usize,
        other_payload: bool,
        ends: Ending,
    },
    Forget(usize),
    /// Wall time jumps by so many seconds.
    Jump(u64, bool),
    Crash,
}

/// What becomes of a run that was let in.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Done,
    TooLarge,
    Failed,
    Dropped,
    NeverPolled,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop_oneof![
        6 => Just(Ending::Done),
        1 => Just(Ending::TooLarge),
        1 => Just(Ending::Failed),
        1 => Just(Ending::Dropped),
        1 => Just(Ending::NeverPolled),
    ];
    let begin = (0usize..4, prop::bool::weighted(0.1), ending);
    let step = prop_oneof![
        2 => (1u64..40).prop_map(Step::Wait),
        8 => begin.prop_map(|(key, other_payload, ends)| Step::Begin { key, other_payload, ends }),
        1 => (0usize..4).prop_map(Step::Forget),
        1 => (1u64..40, any::<bool>()).prop_map(|(seconds, back)| Step::Jump(seconds, back)),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..60)
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// What a call got: a run, a replay, or a refusal.
type Answer = Result<Option<Vec<u8>>, Rejection>;

/// What each call got, and what the store says of itself then.
fn answers(steps: &[Step], grants: &str) -> (Vec<Answer>, IdempotencyStatus) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let steps = steps.to_vec();
    runtime.block_on(async move {
        let settings = Settings::new()
            .with("ttl", "60s")
            .with("max_result", "16B")
            .with("max_records", 3)
            .with("grants", grants);
        let store = store(&settings);
        let mut answers = Vec::new();
        for step in steps {
            match step {
                Step::Wait(time) => tokio::time::sleep(seconds(time)).await,
                Step::Begin { key: index, other_payload, ends } => {
                    let payload = if other_payload { OTHER_ORDER } else { ORDER };
                    answers.push(match store.begin(&key(KEYS[index]), payload, Time::MAX).await {
                        Ok(Begun::Replay(bytes)) => Ok(Some(bytes.to_vec())),
                        Ok(Begun::Run(run)) => {
                            end(run, ends, answers.len()).await;
                            Ok(None)
                        }
                        Err(rejection) => Err(rejection),
                    });
                }
                Step::Forget(index) => {
                    let _ = store.forget(&key(KEYS[index])).await;
                }
                Step::Jump(time, back) => {
                    store.hosted().clock().shift_wall(seconds(time), back);
                }
                Step::Crash => {
                    let _ = store.hosted().crash().await;
                    tokio::time::sleep(seconds(8)).await;
                }
            }
        }
        (answers, store.hosted().fresh_status())
    })
}

async fn end(run: Run, ends: Ending, number: usize) {
    match ends {
        Ending::Done => {
            run.started();
            run.complete(Some(bytes(&format!("order {number}")))).await;
        }
        Ending::TooLarge => {
            run.started();
            run.complete(Some(bytes("seventeen letters"))).await;
        }
        Ending::Failed => {
            run.started();
            run.release().await;
        }
        Ending::Dropped => {
            run.started();
            drop(run);
        }
        Ending::NeverPolled => drop(run),
    }
}

proptest! {
    #![proptest_config(crate::host::cases(48))]

    #[test]
    fn whoever_asks_and_whoever_finds_a_result_published_gets_the_same(steps in steps()) {
        let (asked, granted) = (answers(&steps, "off"), answers(&steps, "on"));
        prop_assert_eq!(asked.0, granted.0);
        // Replays are counted wherever they were given.
        prop_assert_eq!(asked.1, granted.1);
    }
}

/// Replays in between are asked for with grants off alone, so its actor looks at another time.
#[test]
fn a_dropped_runs_outcome_is_unknown_from_when_it_was_dropped_though_the_calendar_jumps_before_its_actor_looks()
 {
    let begin = |key, ends| Step::Begin { key, other_payload: false, ends };
    let before = [begin(3, Ending::Done), begin(3, Ending::Done), begin(2, Ending::Dropped)];
    let after = [begin(3, Ending::Done), Step::Jump(1, false), begin(2, Ending::Done)];
    let steps = [before, after].concat();
    assert_eq!(answers(&steps, "off").0, answers(&steps, "on").0);
}

#[tokio::test(start_paused = true)]
async fn a_finished_key_is_replayed_without_a_message_and_its_payload_and_life_are_still_checked() {
    let store = store(&Settings::new().with("ttl", "60s"));
    started(&store, "a").await.complete(Some(bytes("done"))).await;
    assert_eq!(store.hosted().messages(), 1, "its actor hears of the result with what it is asked next");
    assert_eq!(replayed(begin(&store, "a").await), "done");
    let known = store.hosted().messages();
    for _ in 0..100 {
        assert_eq!(replayed(begin(&store, "a").await), "done");
    }
    assert_eq!(store.hosted().messages(), known);
    assert_eq!(store.hosted().fresh_status().replayed, 101);
    let other = store.begin(&key("a"), OTHER_ORDER, Time::MAX).await;
    assert_eq!(conflict(other).0, ConflictReason::OtherPayload);
    let space = KeySpace { scope: "POST /orders", principal: Principal::User("u8"), path: &[] };
    let of_another = RecordKey::explicit(space, "a").unwrap();
    drop(granted(store.begin(&of_another, ORDER, Time::MAX).await));
    // The wall clock alone says when its life is over.
    store.hosted().clock().shift_wall(seconds(60), false);
    drop(granted(begin(&store, "a").await));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_is_not_replayed_once_the_order_is_answered_and_a_quarantined_one_not_at_all() {
    let store = store(&Settings::new());
    started(&store, "a").await.complete(Some(bytes("done"))).await;
    started(&store, "b").await.complete(Some(bytes("done"))).await;
    assert!(store.forget(&key("a")).await.unwrap());
    drop(granted(begin(&store, "a").await));
    store.hosted().quarantine(&key("b").to_string());
    assert_eq!(begin(&store, "b").await.unwrap_err().kind(), RejectionKind::Unavailable);
    assert_eq!(
        replayed({
            pass(seconds(61)).await;
            begin(&store, "b").await
        }),
        "done"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_left_for_the_actor_is_found_by_whoever_asks_watches_or_waits_and_when_its_lease_would_end()
{
    let store = store(&Settings::new().with("on_conflict", "wait"));
    started(&store, "a").await.complete(Some(bytes("done"))).await;
    let known = store.hosted().messages();
    assert_eq!((store.hosted().noted(), store.hosted().messages()), (1, known));
    assert_eq!((store.status().in_flight, store.hosted().noted()), (0, 0));
    started(&store, "b").await.complete(Some(bytes("done"))).await;
    assert_eq!(replayed(begin(&store, "b").await), "done");
    started(&store, "c").await.complete(Some(bytes("done"))).await;
    pass(seconds(31)).await;
    assert_eq!(store.hosted().noted(), 0);
    assert_eq!(replayed(begin(&store, "c").await), "done");
    let run = started(&store, "d").await;
    let waiter = {
        let store = store.clone();
        tokio::spawn(async move { begin(&store, "d").await })
    };
    tokio::task::yield_now().await;
    run.complete(Some(bytes("done"))).await;
    let before = store.hosted().now();
    assert_eq!(replayed(waiter.await.unwrap()), "done");
    assert_eq!(store.hosted().now(), before, "nobody waits for what has come");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_results_is_not_left_for_one_caller_to_wait_for() {
    let store = store(&Settings::new());
    let mut runs = Vec::new();
    for number in 0..200 {
        runs.push(started(&store, &number.to_string()).await);
    }
    for run in runs {
        run.complete(Some(bytes("done"))).await;
        tokio::task::yield_now().await;
        assert!(store.hosted().noted() < 64);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_granted_in_advance_each_outcome_is_a_message_of_its_own() {
    let store = store(&Settings::new().with("grants", "off"));
    for number in 1..=10 {
        started(&store, &number.to_string()).await.complete(Some(bytes("done"))).await;
        assert_eq!(store.hosted().messages(), 2 * number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_a_key_runs_once_and_everybody_else_gets_its_result() {
    let store = store(&Settings::new().with("on_conflict", "wait"));
    let calls: Vec<_> = (0..16_usize)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut runs = 0_usize;
                for call in 0..100_usize {
                    if caller == 0 && call % 40 == 39 {
                        let _ = store.hosted().crash().await;
                    }
                    match begin(&store, &format!("key-{}", call % 20)).await {
                        Ok(Begun::Run(run)) => {
                            run.started();
                            run.complete(Some(bytes("done"))).await;
                            runs += 1;
                        }
                        Ok(Begun::Replay(result)) => assert_eq!(*result, *b"done"),
                        // While its actor restarts.
                        Err(rejection) => assert_eq!(rejection.kind(), RejectionKind::Unavailable),
                    }
                }
                runs
            })
        })
        .collect();
    let mut runs = 0;
    for call in calls {
        runs += call.await.unwrap();
    }
    assert_eq!(runs, 20);
}
