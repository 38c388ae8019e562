use super::*;

/// Polls `future` so many times, letting the actor work in between; then drops it.
async fn poll_and_drop<F: Future>(future: F, polls: usize) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_acquire_that_is_dropped_at_any_point_of_its_way_holds_nothing() {
    for polls in 0..6 {
        let pool = of(1);
        drop(acquire(&pool).await.unwrap());
        poll_and_drop(acquire(&pool), polls).await;
        let permit = acquire(&pool).await.unwrap();
        assert_eq!(pool.in_use(), 1, "after {polls} polls");
        drop(permit);
        millis(1).await;
        assert_eq!(pool.in_use(), 0, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stops_waiting_leaves_the_line_at_once() {
    let pool = of(1);
    let held = acquire(&pool).await.unwrap();
    for polls in 1..6 {
        poll_and_drop(acquire(&pool), polls).await;
        millis(1).await;
        assert_eq!(pool.waiting(), 0, "after {polls} polls");
    }
    drop(held);
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn work_whose_caller_timed_out_in_line_never_runs() {
    let pool = of(1);
    let _held = acquire(&pool).await.unwrap();
    let mut ran = false;
    let work = async {
        let _permit = acquire(&pool).await;
        ran = true;
    };
    assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
    millis(1).await;
    assert_eq!((ran, pool.waiting()), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_cut_gives_its_permit_back_at_once() {
    let pool = of(1);
    let work = async {
        let _permit = acquire(&pool).await;
        std::future::pending::<()>().await;
    };
    assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
    let next =
        pool.acquire_until(Priority::Normal, pool.hosted().now().after(Duration::from_millis(1))).await;
    assert_eq!(next.unwrap().waited(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_arrives_for_a_caller_that_left_goes_to_the_next() {
    let pool = pool(&Settings::new().with("capacity", 1).with("queue", 2));
    let held = acquire(&pool).await.unwrap();
    // Its actor is awake.
    drop(pool.acquire_optional().await.unwrap());
    {
        let mut leaving = pin!(acquire(&pool));
        let pending =
            std::future::poll_fn(|context| Poll::Ready(leaving.as_mut().poll(context).is_pending()));
        assert!(pending.await);
        tokio::task::yield_now().await;
        // Granted by the actor before it is dropped, and not yet looked at.
        drop(held);
        millis(5).await;
        assert_eq!(pool.in_use(), 1);
    }
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_panics_gives_its_permit_back() {
    let pool = of(1);
    let holder = pool.clone();
    let panicked = tokio::spawn(async move {
        let _permit = acquire(&holder).await.unwrap();
        panic!("in the middle of its work");
    });
    assert!(panicked.await.is_err());
    millis(1).await;
    assert_eq!(pool.in_use(), 0);
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test]
async fn a_permit_belongs_to_the_work_and_comes_back_when_its_thread_is_free() {
    let pool = pool(&Settings::new().with("capacity", 1).with("kind", "threads").with("queue", 0));
    let (finish, wait) = std::sync::mpsc::channel::<()>();
    let permit = acquire(&pool).await.unwrap();
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        wait.recv().ok();
    });
    // Its caller has had enough; the thread works on.
    let caller = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>());
    assert!(caller.await.is_err());
    assert_eq!(pool.in_use(), 1);
    assert_eq!(reason(&acquire(&pool).await.unwrap_err()), Some(FullReason::QueueFull));
    finish.send(()).unwrap();
    work.await.unwrap();
    assert!(acquire(&pool).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_a_refusal_at_once_and_loses_no_permit_that_is_given_back() {
    let pool =
        pool_with(&Settings::new().with("capacity", 8), HostOptions { mailbox: 1, ..HostOptions::default() });
    let permits = acquire_all(&pool, 8).await;
    let blocked = pool.hosted().crash().await;
    assert!(blocked.is_ok());
    let start = pool.hosted().now();
    let refused = acquire(&pool).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Unavailable);
    assert_eq!(pool.hosted().now(), start);
    drop(permits);
    millis(10).await;
    let again = acquire_all(&pool, 8).await;
    assert_eq!((again.len(), pool.in_use()), (8, 8));
}

/// How often somebody was woken.
#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicU64);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_line_is_woken_once_by_what_ends_its_wait() {
    let pool = of(1);
    let held = acquire(&pool).await.unwrap();
    // Its actor is awake.
    drop(pool.acquire_optional().await.unwrap());
    let wakes = Arc::new(Wakes::default());
    let waker = std::task::Waker::from(Arc::clone(&wakes));
    let woken = || wakes.0.load(std::sync::atomic::Ordering::Relaxed);
    let mut waiting = pin!(acquire(&pool));
    assert!(waiting.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    millis(5).await;
    assert_eq!((pool.waiting(), woken()), (1, 0));
    drop(held);
    millis(1).await;
    assert_eq!(woken(), 1);
    let permit = waiting.as_mut().poll(&mut std::task::Context::from_waker(&waker));
    assert!(matches!(permit, Poll::Ready(Ok(_))));
}
