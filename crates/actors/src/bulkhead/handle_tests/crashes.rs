use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Crashes it until it is left alone.
async fn fail(pool: &BulkheadHandle) {
    for _ in 0..6 {
        pool.hosted().crash().await.unwrap();
        millis(100).await;
    }
    assert!(pool.hosted().is_failed());
}

#[tokio::test(start_paused = true)]
async fn permits_and_waiters_outlive_a_crash_of_the_actor() {
    let pool = of(2);
    let mut permits = acquire_all(&pool, 2).await;
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { acquire(&pool).await }
    });
    millis(10).await;
    pool.hosted().crash().await.unwrap();
    millis(10).await;
    assert_eq!((pool.hosted().restarts(), pool.in_use(), pool.waiting()), (1, 2, 1));
    assert!(!waiter.is_finished());
    permits.pop();
    let permit = waiter.await.unwrap().unwrap();
    assert_eq!(pool.in_use(), 2);
    drop((permit, permits));
    millis(1).await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_while_the_actor_is_down_is_counted_once_it_is_back() {
    let pool = of(3);
    let permits = acquire_all(&pool, 3).await;
    pool.hosted().crash().await.unwrap();
    drop(permits);
    let again = acquire_all(&pool, 3).await;
    assert_eq!((again.len(), pool.in_use()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn under_load_no_more_than_the_capacity_run_at_once_however_often_the_actor_crashes() {
    let pool = pool(&Settings::new().with("capacity", 4).with("queue", 40));
    let (running, most, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let clients = (0..20_u64).map(|client| {
        let (pool, running, most, done) = (&pool, &running, &most, &done);
        async move {
            for round in 0..30 {
                let permit = acquire(pool).await;
                if permit.is_ok() {
                    most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    millis(1 + (client * 7 + round) % 5).await;
                    running.fetch_sub(1, Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    let crashes = async {
        for _ in 0..4 {
            millis(60).await;
            let _ = pool.hosted().crash().await;
        }
    };
    let mut all: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>> = vec![Box::pin(crashes)];
    all.extend(clients.map(|client| Box::pin(client) as std::pin::Pin<Box<dyn Future<Output = ()>>>));
    join_all(all).await;
    assert_eq!((pool.hosted().restarts(), most.load(Ordering::Relaxed)), (4, 4));
    assert_eq!(done.load(Ordering::Relaxed), 600);
    millis(1).await;
    assert_eq!((pool.in_use(), pool.waiting()), (0, 0));
}

/// All futures, polled in one task.
async fn join_all(mut futures: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>>) {
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_its_actor_is_left_alone_it_rejects_and_tells_those_in_line_so() {
    let pool = of(1);
    let held = acquire(&pool).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(Priority::High).await }
    });
    millis(10).await;
    fail(&pool).await;
    let told = waiter.await.unwrap().unwrap_err();
    assert_eq!((told.kind(), told.http_status()), (RejectionKind::Unavailable, 503));
    assert!(told.retry_after().is_some());
    let start = pool.hosted().now();
    assert_eq!(acquire(&pool).await.unwrap_err().kind(), RejectionKind::Unavailable);
    assert_eq!(pool.hosted().now(), start);
    drop(held);
    millis(61_000).await;
    assert!(acquire(&pool).await.is_ok());
    assert_eq!(pool.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_to_allow_lets_in_no_more_than_were_free_and_the_actor_counts_them() {
    let pool = pool(&Settings::new().with("capacity", 5).with("on_unavailable", "allow").with("queue", 0));
    let mut held = acquire_all(&pool, 2).await;
    fail(&pool).await;
    for _ in 0..10 {
        held.extend(acquire(&pool).await.ok());
    }
    assert_eq!(held.len(), 5);
    // A permit of the outage may go from hand to hand.
    held.pop();
    held.push(acquire(&pool).await.unwrap());
    assert!(acquire(&pool).await.is_err());
    millis(61_000).await;
    assert_eq!(reason(&acquire(&pool).await.unwrap_err()), Some(FullReason::QueueFull));
    assert_eq!(pool.in_use(), 5);
    drop(held);
    millis(1).await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_pool_refuses_at_once_and_its_old_guards_do_no_harm() {
    let pool = of(1);
    let held = acquire(&pool).await.unwrap();
    pool.hosted().stop().await;
    millis(1).await;
    let rejection = acquire(&pool).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Unavailable);
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_no_more_than_the_capacity_run_at_once_and_no_permit_is_lost() {
    let pool = pool(&Settings::new().with("capacity", 3).with("queue", 64).with("max_wait", "1m"));
    let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..16_usize)
        .map(|client| {
            let (pool, running, most) = (pool.clone(), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                for round in 0..200_usize {
                    let class = Priority::NAMES[(client + round) % 4].1;
                    if (client + round) % 5 == 0 {
                        // Gives up wherever it happens to be.
                        let _ = tokio::time::timeout(Duration::ZERO, pool.acquire(class)).await;
                    } else if let Ok(permit) = pool.acquire(class).await {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        running.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                    if client == 0 && round % 60 == 59 {
                        let _ = pool.hosted().crash().await;
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    pool.set_capacity(4).unwrap();
    let permits = acquire_all(&pool, 4).await;
    assert_eq!((permits.len(), pool.in_use(), pool.waiting()), (4, 4, 0));
}
