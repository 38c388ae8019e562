use tokio::time::{Instant, timeout};

use super::*;

/// One a second, used up now; whoever likes may wait.
async fn used_up() -> LimiterHandle {
    let limiter = handle(&limit(1, "second").with("max_wait", "1h"));
    limiter.check("").await.unwrap();
    limiter
}

#[expect(clippy::disallowed_methods, reason = "the test's own clock")]
fn now() -> Instant {
    Instant::now()
}

/// Waits for its turn; returns after how many milliseconds it came, one less than a timer's grain of a millisecond.
async fn turn(limiter: &LimiterHandle) -> u128 {
    let start = now();
    limiter.check("").await.unwrap();
    start.elapsed().as_millis() / 10 * 10
}

#[tokio::test(start_paused = true)]
async fn whoever_may_wait_is_granted_in_turn_and_what_it_is_granted_is_spent() {
    let limiter = used_up().await;
    let (first, second) = tokio::join!(turn(&limiter), turn(&limiter));
    assert_eq!((first, second), (1_000, 2_000));
    tokio::task::yield_now().await;
    let status = limiter.status();
    assert_eq!((status.granted, status.held, status.waiting), (3, 0, 0));
    assert_eq!(turn(&limiter).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_spends_nothing_and_passes_its_turn_on() {
    for cancelled_at in [500, 999, 1_000, 1_001] {
        let limiter = used_up().await;
        let first = timeout(Duration::from_millis(cancelled_at), limiter.check(""));
        let (first, second) = tokio::join!(first, turn(&limiter));
        assert_eq!(second, if first.is_ok() { 2_000 } else { 1_000 }, "cancelled at {cancelled_at} ms");
        assert_eq!(first.is_ok(), cancelled_at > 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_deadline_comes_before_its_turn_is_refused_at_once() {
    let limiter = used_up().await;
    let start = now();
    let deadline = limiter.hosted().now().after(Duration::from_millis(900));
    let rejection = limiter.check_until("", 1, deadline).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(rejection.kind(), RejectionKind::RateLimited);
    let deadline = limiter.hosted().now().after(Duration::from_millis(1_000));
    assert!(limiter.check_until("", 1, deadline).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_max_wait_nobody_waits_however_late_the_deadline() {
    let limiter = handle(&limit(1, "second"));
    limiter.check("").await.unwrap();
    let start = now();
    assert!(limiter.check_until("", 1, Time::MAX).await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_waited_can_still_be_given_back() {
    let limiter = used_up().await;
    drop(limiter.reserve("", 1, Time::MAX).await.unwrap());
    assert_eq!(turn(&limiter).await, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_through_a_crash_keeps_its_place_in_the_line() {
    let limiter = used_up().await;
    let crash = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        limiter.hosted().crash().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(turn(&limiter), turn(&limiter), crash);
    assert_eq!((first, second, limiter.hosted().restarts()), (1_000, 2_000, 1));
}

#[tokio::test(start_paused = true)]
async fn observe_mode_makes_nobody_wait_and_refuses_in_its_books_only_who_would_have_been_refused() {
    let limiter = handle(&limit(1, "second").with("max_wait", "1s").with("mode", "observe"));
    let start = now();
    assert_eq!(pass(&limiter, "", 4).await, 4);
    assert_eq!(start.elapsed(), Duration::ZERO);
    // One was granted, one would have waited a second, two would have been refused.
    assert_eq!(limiter.would_refuse(), 2);
    seconds(1).await;
    assert_eq!(pass(&limiter, "", 2).await, 2);
    assert_eq!(limiter.would_refuse(), 3);
}
