//! What a pool refuses in advance is what it would refuse.

use tokio::task::JoinHandle;

use super::*;

/// What makes room in a line: of who holds a permit, the pool, who waits.
type Way = fn(&mut Vec<BulkheadPermit>, &BulkheadHandle, &JoinHandle<bool>);

fn messages(pool: &BulkheadHandle) -> u64 {
    pool.hosted().messages()
}

async fn is_refused(pool: &BulkheadHandle, class: Priority) -> bool {
    pool.acquire(class).await.is_err_and(|rejection| reason(&rejection) == Some(FullReason::QueueFull))
}

/// Somebody in line, for as long as it may wait.
async fn in_line(pool: &BulkheadHandle, class: Priority) -> JoinHandle<bool> {
    let waiting = pool.waiting();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move {
            let permit = pool.acquire(class).await;
            millis(60_000).await;
            permit.is_ok()
        }
    });
    millis(1).await;
    assert_eq!(pool.waiting(), waiting + 1);
    waiter
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_without_a_line_refuses_without_a_message_and_takes_in_whoever_comes_when_one_is_free() {
    for kind in ["semaphore", "threads", "memory"] {
        let settings = Settings::new().with("queue", 0).with("kind", kind);
        let settings =
            if kind == "memory" { settings.with("capacity", "2B") } else { settings.with("capacity", 2) };
        let pool = pool(&settings);
        for _ in 0..3 {
            let mut permits = acquire_all(&pool, 2).await;
            let before = messages(&pool);
            for _ in 0..100 {
                assert!(is_refused(&pool, Priority::High).await, "{kind}");
            }
            assert_eq!(messages(&pool), before, "{kind}");
            permits.pop();
            permits.push(acquire(&pool).await.unwrap());
            assert!(is_refused(&pool, Priority::High).await, "{kind}");
            drop(permits);
        }
        millis(1).await;
        assert_eq!(pool.in_use(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_full_line_only_those_ask_who_may_displace_somebody() {
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 3));
    let _held = acquire(&pool).await.unwrap();
    let low = [in_line(&pool, Priority::Low).await, in_line(&pool, Priority::Low).await];
    let normal = in_line(&pool, Priority::Normal).await;
    let before = messages(&pool);
    for class in [Priority::Low, Priority::Background] {
        assert!(is_refused(&pool, class).await);
    }
    assert_eq!(messages(&pool), before);
    // It displaces one of the lowest class; then there is nobody to displace.
    let higher = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(Priority::High).await.is_ok() }
    });
    millis(1).await;
    assert!(messages(&pool) > before);
    let before = messages(&pool);
    for (_, class) in Priority::NAMES {
        assert!(is_refused(&pool, class).await);
    }
    assert_eq!(messages(&pool), before);
    for waiter in low.into_iter().chain([normal, higher]) {
        waiter.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_in_line_that_comes_free_in_any_way_is_taken_by_whoever_comes_next() {
    let ways: [Way; 3] = [
        |held, _, _| held.truncate(1),
        |_, pool, _| pool.set_capacity(3).unwrap(),
        |_, _, waiter| waiter.abort(),
    ];
    for (way, make_room) in ways.into_iter().enumerate() {
        let pool = pool(&Settings::new().with("capacity", 2).with("queue", 1));
        let mut held = acquire_all(&pool, 2).await;
        let waiter = in_line(&pool, Priority::Normal).await;
        assert!(is_refused(&pool, Priority::High).await);
        make_room(&mut held, &pool, &waiter);
        tokio::task::yield_now().await;
        in_line_after(&pool, way).await;
    }
    // Its time passes.
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 1));
    let _held = acquire(&pool).await.unwrap();
    let _waiter = in_line(&pool, Priority::Normal).await;
    millis(998).await;
    assert!(is_refused(&pool, Priority::Normal).await);
    millis(1).await;
    in_line_after(&pool, 3).await;
}

async fn in_line_after(pool: &BulkheadHandle, way: usize) {
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(Priority::Normal).await.is_ok() }
    });
    millis(1).await;
    assert!(!next.is_finished() && pool.waiting() == 1, "way {way}");
    next.abort();
}

#[tokio::test(start_paused = true)]
async fn who_may_take_a_permit_from_its_holder_is_not_refused_in_advance() {
    let config = BulkheadConfig::of(1).unwrap().with_queue(0).with_preemption();
    let pool = pool_of(config, HostOptions::default());
    let acquire_as =
        |priority, preempts| pool.acquire_as(Acquire { priority, weight: 1, deadline: Time::MAX, preempts });
    let mut held = acquire_as(Priority::Low, false).await.unwrap();
    assert!(acquire_as(Priority::High, false).await.is_err());
    let before = messages(&pool);
    assert!(acquire_as(Priority::High, false).await.is_err());
    assert_eq!(messages(&pool), before);
    let told = held.preemption();
    let (higher, ()) = tokio::join!(acquire_as(Priority::High, true), async {
        told.await;
        drop(held);
    });
    assert!(higher.is_ok());
}

#[tokio::test(start_paused = true)]
async fn where_every_permit_is_asked_for_so_is_every_refusal_and_a_pool_that_only_observes_refuses_nobody() {
    for (key, value) in [("grants", "off"), ("mode", "observe")] {
        let pool = pool(&Settings::new().with("capacity", 1).with("queue", 0).with(key, value));
        let _held = acquire(&pool).await.unwrap();
        let before = messages(&pool);
        for _ in 0..10 {
            assert_eq!(acquire(&pool).await.is_err(), value == "off");
        }
        assert!(messages(&pool) >= before + 10);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_could_ever_fit_and_a_caller_who_is_too_late_are_told_so_and_not_that_it_is_full() {
    let pool = pool(&Settings::new().with("capacity", 2).with("queue", 0));
    let _held = acquire_all(&pool, 2).await;
    assert!(is_refused(&pool, Priority::Normal).await);
    let refused = pool.acquire_n(Priority::Normal, 3, Time::MAX).await.unwrap_err();
    assert_eq!(reason(&refused), Some(FullReason::NeverFits));
    let late = pool.acquire_until(Priority::Normal, pool.hosted().now()).await.unwrap_err();
    assert_eq!(reason(&late), Some(FullReason::WaitedTooLong));
    pool.close().await;
    assert_eq!(reason(&acquire(&pool).await.unwrap_err()), Some(FullReason::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_whoever_gives_back_the_only_permit_can_take_it_again() {
    // Each has a permit of its own: nobody is ever in anybody's way.
    let pool = pool(&Settings::new().with("capacity", 4).with("queue", 0));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for round in 0..2_000 {
                    let permit = pool.acquire(Priority::Normal).await;
                    assert!(permit.is_ok(), "client {client}, round {round}: {permit:?}");
                    if round % 97 == 0 {
                        // A step of the actor about something else.
                        drop(pool.acquire_optional().await);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(pool.in_use(), 0);
}
