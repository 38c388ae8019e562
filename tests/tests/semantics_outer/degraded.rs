//! Section 9: handlers that run in spite of what is down.

use steadfast::actors::breaker::BreakerState;
use steadfast::prelude::*;

use super::common::breaker;
use super::support::{Runs, millis, seconds};

static PAGES: Runs = Runs::new();

/// What a page saw as down, and whether its optional parts were off.
type Page = Result<(Vec<String>, bool), String>;

fn seen() -> (Vec<String>, bool) {
    let degradation = Degradation::current();
    let down = degradation.down().iter().map(|rejection| rejection.name().to_owned()).collect();
    (down, degradation.optional_parts_are_off())
}

#[degrade_gracefully]
#[circuit_breaker("pages", failure_threshold = 1, success_threshold = 2)]
async fn page(fails: bool) -> Page {
    let _running = PAGES.begin();
    millis(10).await;
    if fails { Err("HTTP 503".to_owned()) } else { Ok(seen()) }
}

#[tokio::test(start_paused = true)]
async fn under_an_open_breaker_it_runs_and_is_told_what_is_down_and_is_not_recorded() {
    assert!(page(true).await.is_err());
    assert_eq!(breaker("pages").state(), BreakerState::Open);
    for _ in 0..5 {
        assert_eq!(page(false).await, Ok((vec!["pages".to_owned()], false)));
        assert!(page(true).await.is_err());
    }
    assert_eq!((breaker("pages").state(), PAGES.all()), (BreakerState::Open, 11));
}

#[circuit_breaker("probed-pages", failure_threshold = 1, success_threshold = 2)]
#[degrade_gracefully]
async fn probed_page(fails: bool) -> Page {
    millis(10).await;
    if fails { Err("HTTP 503".to_owned()) } else { Ok(seen()) }
}

#[tokio::test(start_paused = true)]
async fn a_half_open_breaker_takes_its_probes_from_these_runs_and_closes_by_them() {
    assert!(probed_page(true).await.is_err());
    seconds(30).await;
    let (first, second, third) = tokio::join!(probed_page(false), probed_page(false), probed_page(true));
    // Two probes at a time are recorded; the third runs as before, and its failure is nobody's.
    assert_eq!((first, second), (Ok((vec![], false)), Ok((vec![], false))));
    assert!(third.is_err());
    assert_eq!(breaker("probed-pages").state(), BreakerState::Closed);
    assert_eq!(probed_page(false).await, Ok((vec![], false)));
}

static INSTEAD: Runs = Runs::new();

#[degrade_gracefully]
#[fallback(instead)]
#[circuit_breaker("tried-first", failure_threshold = 1)]
async fn tried_first(fails: bool) -> Page {
    if fails { Err("HTTP 503".to_owned()) } else { Ok(seen()) }
}

async fn instead(_: bool) -> Page {
    let _running = INSTEAD.begin();
    Ok((vec!["fallback".to_owned()], false))
}

#[tokio::test(start_paused = true)]
async fn the_handler_runs_first_and_a_fallback_only_where_it_fails() {
    assert_eq!(tried_first(true).await.unwrap().0, ["fallback"]);
    assert_eq!(tried_first(false).await.unwrap().0, ["tried-first"]);
    assert_eq!(INSTEAD.all(), 1);
    assert_eq!(tried_first(true).await.unwrap().0, ["fallback"]);
    assert_eq!(INSTEAD.all(), 2);
}

static LANE: Runs = Runs::new();

#[degrade_gracefully]
#[throttle(max_concurrent = 11, queue = 1, max_wait = "1ms", name = "lane-throttle")]
async fn in_the_lane(_number: u32) -> Result<(Vec<String>, bool), Rejection> {
    let _running = LANE.begin();
    seconds(1).await;
    Ok(seen())
}

#[tokio::test(start_paused = true)]
async fn of_a_full_throttle_a_tenth_rounded_up_run_reduced_and_the_rest_get_503() {
    let calls: Vec<_> = (0..20).map(|number| tokio::spawn(in_the_lane(number))).collect();
    let (mut whole, mut reduced, mut refused) = (0, 0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok((down, false)) if down.is_empty() => whole += 1,
            Ok((down, true)) if down == ["lane-throttle"] => reduced += 1,
            Ok(other) => panic!("{other:?}"),
            Err(rejection) => {
                assert_eq!((rejection.http_status(), rejection.policy()), (503, "throttle"));
                refused += 1;
            }
        }
    }
    assert_eq!((whole, reduced, refused, LANE.most()), (11, 2, 7, 13));
}

#[circuit_breaker("optional-part", failure_threshold = 1)]
async fn part() -> Result<&'static str, String> {
    Err("HTTP 503".to_owned())
}

#[degrade_gracefully]
async fn with_parts(annotated: bool) -> Result<RpcResponse, String> {
    let text = if annotated {
        part().await.unwrap_or("left out")
    } else {
        let fails = async { Err::<&str, _>("anything") };
        Degradation::optional("reviews", 1, fails).await.unwrap_or("left out")
    };
    Ok(RpcResponse::success(text, 0)?)
}

#[tokio::test(start_paused = true)]
async fn a_callees_swallowed_failure_or_an_optional_part_that_fails_marks_the_answer() {
    for annotated in [true, false] {
        let answer = with_parts(annotated).await.unwrap();
        assert_eq!(answer.payload::<String>().unwrap(), "left out");
        assert!(answer.is_degraded(), "annotated: {annotated}");
    }
}
