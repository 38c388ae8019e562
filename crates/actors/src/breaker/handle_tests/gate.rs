use super::*;
use crate::outcome::Ending;
use crate::settings::{Grants, Mode};

fn hosted_with(settings: &Settings, options: HostOptions) -> BreakerHandle {
    let config = Arc::new(BreakerConfig::from_settings(settings).unwrap());
    let (clock, tokio) = (Arc::new(Clock::system()), tokio::runtime::Handle::current());
    let ground = Ground::new(tokio, 1, clock, Arc::new(Ignore), options);
    BreakerHandle::new(Hosted::new(ground, Kind::Breaker, "db", Arc::clone(&config)), config)
}

fn success() -> Outcome {
    Outcome { ending: Ending::Success, latency: Duration::ZERO }
}

async fn succeed(breaker: &BreakerHandle) {
    breaker.call(|| async { Ok::<(), ()>(()) }).await.unwrap();
}

async fn fail(breaker: &BreakerHandle) {
    let failed = breaker.call(|| async { Err::<(), ()>(()) }).await;
    assert!(matches!(failed, Err(CallError::Failed(()))), "{failed:?}");
}

fn half_of(minimum: i64) -> Settings {
    Settings::new().with("failure_rate_threshold", 0.5).with("minimum_requests", minimum)
}

#[tokio::test(start_paused = true)]
async fn in_health_no_message_is_sent_and_every_success_stands_in_the_window() {
    let breaker = handle(&Settings::new().with("window", 1_000));
    for _ in 0..600 {
        succeed(&breaker).await;
    }
    assert_eq!(breaker.status().counts.total, 600);
    assert_eq!(breaker.hosted().messages(), 0);
    let asked = handle(&Settings::new().with("window", 1_000).with("grants", "off"));
    for _ in 0..600 {
        succeed(&asked).await;
    }
    assert_eq!((asked.status().counts.total, asked.hosted().messages()), (600, 1_200));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_published_before_its_report_returns_and_meets_every_success_before_it() {
    let breaker = handle(&half_of(4).with("window", 6));
    for _ in 0..20 {
        succeed(&breaker).await;
    }
    // Six successes stand in the window: the third failure is half of it.
    for _ in 0..2 {
        fail(&breaker).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(breaker.hosted().messages(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_completes_the_minimum_opens_it() {
    let breaker = handle(&half_of(3));
    fail(&breaker).await;
    fail(&breaker).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
    succeed(&breaker).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_a_message_and_its_probes_are_asked_for() {
    let breaker = opened(Settings::new()).await;
    let before = breaker.hosted().messages();
    for _ in 0..100 {
        assert!(breaker.admit(None).await.is_err());
    }
    assert_eq!(breaker.hosted().messages(), before);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(breaker.admit(None).await.unwrap().is_probe());
    assert!(breaker.hosted().messages() > before);
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_a_drop_path_needs_no_room_in_the_mailbox_and_nobody_passes_behind_it() {
    let breaker = hosted_with(
        &Settings::new().with("failure_threshold", 2),
        HostOptions { mailbox: 1, ..HostOptions::default() },
    );
    fail(&breaker).await;
    let permit = breaker.admit(None).await.unwrap();
    let soon = breaker.hosted().now().after(Duration::from_millis(10));
    breaker.hosted().hang(soon, true).await.unwrap();
    permit.note(failure());
    assert_eq!(breaker.hosted().gate().passage(), Passage::Ask);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_in_health_notice_nothing_of_a_crash_and_what_they_count_outlives_it() {
    let breaker = handle(&Settings::new().with("window", 100).with("on_unavailable", "reject"));
    fail(&breaker).await;
    for _ in 0..3 {
        breaker.hosted().crash().await.unwrap();
        succeed(&breaker).await;
        tokio::task::yield_now().await;
        succeed(&breaker).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let Counts { total, failures, .. } = breaker.status().counts;
    assert_eq!((total, failures, breaker.hosted().restarts()), (7, 1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_left_alone_follows_its_on_unavailable_in_spite_of_what_it_granted() {
    for (unavailable, passes) in [("reject", false), ("allow", true)] {
        let breaker = handle(&Settings::new().with("on_unavailable", unavailable));
        for _ in 0..6 {
            breaker.hosted().crash().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let admitted = breaker.admit(None).await.map(drop);
        assert_eq!(admitted.is_ok(), passes, "{admitted:?}");
        tokio::time::sleep(Duration::from_secs(61)).await;
        let before = breaker.hosted().messages();
        succeed(&breaker).await;
        assert_eq!(breaker.hosted().messages(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_window_of_time_one_success_a_bucket_is_reported_and_an_idle_breaker_keeps_no_timer() {
    let breaker = handle(&half_of(2).with("window", "10s"));
    for _ in 0..5 {
        for _ in 0..200 {
            succeed(&breaker).await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(breaker.hosted().messages(), 4);
    assert_eq!(breaker.hosted().deadline(), None);
    // Half of the calls of the last ten seconds: what was counted late would hide it.
    tokio::time::advance(Duration::from_millis(9_500)).await;
    succeed(&breaker).await;
    fail(&breaker).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_start_asks_for_each_place_and_ends_with_its_time() {
    let breaker = opened(Settings::new().with("half_open_permits", 1)).await;
    tokio::time::advance(Duration::from_secs(31)).await;
    succeed(&breaker).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
    let place = breaker.admit(None).await.unwrap();
    assert!(breaker.admit(None).await.is_err(), "one place in flight");
    drop(place);
    tokio::time::advance(Duration::from_secs(11)).await;
    succeed(&breaker).await;
    let before = breaker.hosted().messages();
    succeed(&breaker).await;
    assert_eq!(breaker.hosted().messages(), before);
}

#[tokio::test(start_paused = true)]
async fn orders_and_modes_hold_at_once() {
    let breaker = handle(&Settings::new());
    breaker.force_open().await;
    let rejection = breaker.admit(None).await.unwrap_err();
    assert_eq!((rejection.retry_after(), rejection.kind()), (None, RejectionKind::Open));
    breaker.set_mode(Some(Mode::Observe));
    assert!(breaker.admit(None).await.is_ok());
    assert_eq!(breaker.would_refuse(), 1);
    breaker.set_mode(None);
    breaker.force_close().await;
    for _ in 0..50 {
        fail(&breaker).await;
    }
    assert_eq!(breaker.state(), BreakerState::ForcedClosed);
    breaker.reset().await;
    assert_eq!(breaker.status().counts.total, 0);
    let orders = breaker.hosted().messages();
    assert_eq!(orders, 3, "only the orders themselves");
}

#[tokio::test(start_paused = true)]
async fn a_breaker_for_each_key_asks_for_every_call() {
    let breaker = handle(&Settings::new().with("by", "arg:shard"));
    assert_eq!(breaker.grants(), Grants::On);
    succeed(&breaker.of("shard-1")).await;
    assert_eq!(breaker.hosted().messages(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_threads_count_is_all_there() {
    let breaker = handle(&Settings::new().with("window", 100_000));
    let running: Vec<_> = (0..8)
        .map(|_| {
            let breaker = breaker.clone();
            tokio::spawn(async move {
                for _ in 0..5_000 {
                    breaker.admit(None).await.unwrap().report(success()).await;
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    assert_eq!(breaker.status().counts.total, 40_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn among_many_threads_no_failure_is_lost_and_none_passes_once_it_is_known_to_be_open() {
    for _ in 0..20 {
        let breaker = handle(&Settings::new().with("failure_threshold", 40).with("window", 80));
        let running: Vec<_> = (0..4)
            .map(|_| {
                let breaker = breaker.clone();
                tokio::spawn(async move {
                    let mut failed = 0;
                    while let Ok(permit) = breaker.admit(None).await {
                        if breaker.hosted().status().own.state == BreakerState::Open {
                            // It passed before that was published.
                            drop(permit);
                            continue;
                        }
                        permit.report(failure()).await;
                        failed += 1;
                    }
                    failed
                })
            })
            .collect();
        let mut failed = 0;
        for task in running {
            failed += task.await.unwrap();
        }
        // All forty, and the few that were under way while the actor read them.
        assert!((40..60).contains(&failed), "{failed}");
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}
