use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::__private::{Inputs, Settings, Site, outcome, run_many, run_many_or};
use crate::pipeline::{Call, Failure};
use crate::service::Message;
use crate::{Rejection, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "entry";

fn limit(requests: i64, by: &str) -> Settings {
    Settings::new().with("requests", requests).with("per", "minute").with("by", by)
}

fn user(name: &str) -> Message {
    Message::builder().user_id(name).ip("10.0.0.1").build()
}

async fn call(site: &'static Site, message: &Message) -> Result<u32> {
    let inputs = Inputs::new().context(Some(message.clone()));
    run_many(site, outcome!(Result<u32>), inputs, || async { Ok(1) }).await
}

fn granted(name: &str) -> u64 {
    let limiter = Runtime::current().registry().limiter(name).unwrap();
    limiter.status().granted
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_call_of_a_user_in_a_minute_is_refused_and_another_users_first_is_not() {
    let site = site!("eleventh", "rate_limit" => limit(10, "user"));
    for _ in 0..10 {
        assert_eq!(call(site, &user("u1")).await, Ok(1));
    }
    let refused = call(site, &user("u1")).await.unwrap_err();
    assert_eq!(refused.http_status(), 429);
    assert!(refused.retry_after().is_some());
    assert_eq!(call(site, &user("u2")).await, Ok(1));
    tokio::time::sleep(refused.retry_after().unwrap()).await;
    assert_eq!(call(site, &user("u1")).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn several_limiters_are_one_decision_and_a_refused_call_spends_none_of_them() {
    let site = site!(
        "several",
        "rate_limit" => limit(10, "ip").with("name", "several-ip"),
        "rate_limit" => limit(1, "user").with("name", "several-user"),
    );
    assert_eq!(call(site, &user("u1")).await, Ok(1));
    for _ in 0..20 {
        assert!(call(site, &user("u1")).await.is_err());
    }
    // Twenty refusals by user left the address's quota of ten as it was.
    for name in ["u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10"] {
        assert_eq!(call(site, &user(name)).await, Ok(1), "{name}");
    }
    assert!(call(site, &user("u11")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_limiter_before_authentication_is_spent_when_authentication_fails() {
    let site = site!("guessing", "rate_limit" => limit(2, "ip"), "require_auth" => Settings::new());
    let unknown = Message::builder().ip("10.0.0.9").build();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(call(site, &unknown).await.unwrap_err().http_status());
    }
    assert_eq!(statuses, [401, 401, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_limiter_by_user_stands_after_authentication_and_is_not_asked_when_that_fails() {
    let site = site!(
        "after",
        "rate_limit" => limit(1, "user").with("name", "after"),
        "require_auth" => Settings::new(),
    );
    let unknown = Message::builder().ip("10.0.0.9").build();
    assert_eq!(call(site, &unknown).await.unwrap_err().http_status(), 401);
    assert_eq!(granted("after"), 0);
}

#[tokio::test(start_paused = true)]
async fn our_own_rate_limit_and_a_missing_identity_are_not_answered_by_a_fallback() {
    let site = site!(
        "no-fallback",
        "rate_limit" => limit(1, "global"),
        "require_auth" => Settings::new(),
        "fallback" => Settings::new().with("path", "other"),
    );
    let call = async |message: Message| {
        let inputs = Inputs::new().context(Some(message));
        let fallback = |_: std::sync::Arc<Failure<Rejection>>| async { Ok(7) };
        run_many_or(site, outcome!(Result<u32>), inputs, || async { Ok(1) }, fallback).await
    };
    assert_eq!(call(Message::builder().build()).await.unwrap_err().http_status(), 401);
    assert_eq!(call(user("u1")).await.unwrap_err().http_status(), 429);
}

#[tokio::test(start_paused = true)]
async fn a_cost_weighs_a_call_and_each_limiter_has_its_own() {
    let site = site!(
        "costs",
        "rate_limit" => limit(10, "global").with("name", "costs-calls"),
        "rate_limit" => limit(100, "global").with("name", "costs-bytes").with("cost", "bytes"),
    );
    let call = async |bytes: u64| {
        let inputs = Inputs::new().cost(1, bytes);
        run_many(site, outcome!(Result<u32>), inputs, || async { Ok(1) }).await
    };
    assert!(call(60).await.is_ok());
    assert!(call(60).await.is_err());
    assert!(call(40).await.is_ok());
    let never = call(101).await.unwrap_err();
    assert_eq!(never.retry_after(), None);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_already_over_runs_nothing() {
    let site = site!("over", "metrics" => Settings::new());
    let runs = AtomicU32::new(0);
    let root = Call::serving(&Runtime::current(), Some(Duration::ZERO));
    let answer = root.around(run_many(site, outcome!(Result<u32>), Inputs::new(), || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Ok(1) }
    }));
    assert_eq!(answer.await.unwrap_err().http_status(), 504);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_deadline_has_sixty_seconds_or_what_its_total_and_fallback_take() {
    let plain = site!("sixty", "metrics" => Settings::new());
    let long = site!(
        "longer",
        "timeout" => Settings::new().with("total", "90s"),
        "fallback" => Settings::new().with("path", "other").with("fallback_timeout", "5s"),
    );
    for (site, callers, own) in [(plain, 60, 60), (long, 95, 90)] {
        let root = Call::serving(&Runtime::current(), None);
        let seen = root.around(run_many(site, outcome!(Result<(u64, u64)>), Inputs::new(), || async {
            let call = Call::current().unwrap();
            let left = |deadline: crate::deadline::Deadline| {
                deadline.left(call.runtime.clock().now()).unwrap().as_secs()
            };
            Ok((left(call.callers), left(call.deadline())))
        }));
        assert_eq!(seen.await, Ok((callers, own)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limiter_closest_to_refusing_is_the_one_that_is_told() {
    let site = site!(
        "told",
        "rate_limit" => limit(100, "ip").with("name", "told-wide"),
        "rate_limit" => limit(5, "user").with("name", "told-narrow"),
    );
    let root = Call::serving(&Runtime::current(), None);
    root.around(call(site, &user("u1"))).await.unwrap();
    let tightest = root.trail().tightest_limit().unwrap();
    assert_eq!((tightest.name.as_str(), tightest.decision.remaining), ("told-narrow", 4));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_is_refused_before_anything_runs() {
    let site = site!("invalid", "validate" => Settings::new().with("type", "Order"));
    let inputs = Inputs::new().context(Some(user("u1"))).validator(|_| Err(Rejection::invalid(Vec::new())));
    let runs = AtomicU32::new(0);
    let answer = run_many(site, outcome!(Result<u32>), inputs, || {
        runs.fetch_add(1, Ordering::Relaxed);
        async { Ok(1) }
    });
    assert_eq!(answer.await.unwrap_err().http_status(), 422);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}
