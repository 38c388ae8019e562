//! Nobody stands in the line of an actor that does not answer for longer than it was told, and `ask_timeout`.

use super::*;

async fn hang(pool: &BulkheadHandle, full: bool) {
    let until = pool.hosted().now().after(Duration::from_secs(30));
    pool.hosted().hang(until, full).await.unwrap();
}

fn waiter(
    pool: &BulkheadHandle,
    class: Priority,
) -> tokio::task::JoinHandle<(Duration, Result<BulkheadPermit, Rejection>)> {
    let pool = pool.clone();
    tokio::spawn(async move {
        let start = pool.hosted().now();
        let answer = pool.acquire(class).await;
        (pool.hosted().now().since(start), answer)
    })
}

#[tokio::test(start_paused = true)]
async fn whoever_is_in_the_line_of_an_actor_that_hangs_leaves_100_ms_after_its_max_wait() {
    for full in [false, true] {
        for wait in [200, 1_000, 3_000] {
            let settings = Settings::new().with("capacity", 1).with("queue", 4);
            let pool = pool(&settings.with("max_wait", format!("{wait}ms").as_str()));
            let _held = acquire(&pool).await.unwrap();
            let classes = [Priority::High, Priority::Normal, Priority::Background];
            let waiters = classes.map(|class| waiter(&pool, class));
            millis(10).await;
            assert_eq!(pool.waiting(), 3);
            hang(&pool, full).await;
            for waiter in waiters {
                let (waited, answer) = waiter.await.unwrap();
                assert_eq!(answer.unwrap_err().kind(), RejectionKind::Unavailable);
                assert_eq!(waited.as_millis(), wait + 100, "mailbox full: {full}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_that_it_may_wait_its_two_seconds_leaves_100_ms_after_these() {
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 4));
    let _held = acquire(&pool).await.unwrap();
    let low = waiter(&pool, Priority::Low);
    millis(500).await;
    let high = waiter(&pool, Priority::High);
    millis(600).await;
    assert_eq!(pool.waiting(), 2);
    hang(&pool, false).await;
    for (waiter, millis) in [(high, 1_100), (low, 2_100)] {
        let (waited, answer) = waiter.await.unwrap();
        assert_eq!(answer.unwrap_err().kind(), RejectionKind::Unavailable);
        assert_eq!(waited.as_millis(), millis);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_of_an_actor_that_hangs_is_granted_nothing_afterwards() {
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 4));
    let held = acquire(&pool).await.unwrap();
    let waiters = [Priority::High, Priority::Low].map(|class| waiter(&pool, class));
    millis(10).await;
    hang(&pool, true).await;
    for waiter in waiters {
        assert!(waiter.await.unwrap().1.is_err());
    }
    drop(held);
    millis(40_000).await;
    assert_eq!((pool.in_use(), pool.waiting()), (0, 0));
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn observe_mode_counts_whom_it_would_have_refused_also_where_it_would_have_waited_on() {
    let settings = Settings::new().with("capacity", 1).with("queue", 4).with("mode", "observe");
    let pool = pool(&settings);
    let held = acquire(&pool).await.unwrap();
    let low = pool.acquire(Priority::Low).await.unwrap();
    millis(500).await;
    let high = pool.acquire(Priority::High).await.unwrap();
    // The one of the lower class may wait on, since the other is in its way.
    millis(600).await;
    assert_eq!(pool.waiting(), 2);
    millis(1_000).await;
    assert_eq!(pool.waiting(), 0);
    drop((held, low, high));
    assert_eq!(pool.would_refuse(), 2);
}
