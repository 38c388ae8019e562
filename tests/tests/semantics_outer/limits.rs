//! Section 6: whose quota a call spends, how much of it, and when it may come again.

use std::time::Duration;

use steadfast::actors::clock::WallTime;
use steadfast::prelude::*;

use super::support::{Runs, millis, seconds};

type Answer = Result<(), Rejection>;

/// Who got in of `calls`, one after another.
async fn passed<F: Future<Output = Answer>>(calls: u32, mut call: impl FnMut() -> F) -> u32 {
    let mut passed = 0;
    for _ in 0..calls {
        passed += u32::from(call().await.is_ok());
    }
    passed
}

#[rate_limit(requests = 3, per = "10s", name = "by-default")]
async fn by_default() -> Answer {
    Ok(())
}

#[rate_limit(requests = 3, per = "10s", name = "in-buckets", algorithm = "token_bucket")]
async fn in_buckets() -> Answer {
    Ok(())
}

#[rate_limit(requests = 3, per = "10s", name = "in-windows", algorithm = "fixed_window")]
async fn in_windows() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn by_default_no_window_of_that_length_ever_passes_more_than_the_quota() {
    seconds(9).await;
    assert_eq!(passed(9, by_default).await, 3);
    seconds(2).await;
    assert_eq!(passed(9, by_default).await, 0);
    seconds(8).await;
    assert_eq!(passed(9, by_default).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_refills_evenly() {
    assert_eq!(passed(9, in_buckets).await, 3);
    for _ in 0..3 {
        millis(3_334).await;
        assert_eq!(passed(9, in_buckets).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_is_aligned_to_the_calendar_and_passes_twice_its_quota_across_an_edge() {
    let midnight = WallTime::from_nanos(20_000 * 86_400 * 1_000_000_000);
    let runtime = Runtime::builder().isolated().environment([]).wall_clock_from(midnight).build().unwrap();
    let calls = async {
        seconds(9).await;
        assert_eq!(passed(9, in_windows).await, 3);
        seconds(1).await;
        assert_eq!(passed(9, in_windows).await, 3);
        seconds(9).await;
        assert_eq!(passed(9, in_windows).await, 0);
    };
    runtime.scope(calls).await;
}

fn pages(pages: &u64) -> u64 {
    *pages
}

#[rate_limit(requests = 10, per = "hour", name = "weighed", cost = "pages")]
async fn weighed(_pages: u64) -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cost_weighs_a_call_and_one_above_the_quota_can_never_pass_and_says_so() {
    assert_eq!((weighed(6).await, weighed(4).await), (Ok(()), Ok(())));
    let later = weighed(1).await.unwrap_err().retry_after().unwrap();
    assert!(later > Duration::from_secs(3_590), "{later:?}");
    let never = weighed(11).await.unwrap_err();
    assert_eq!((never.http_status(), never.retry_after()), (429, None));
}

#[rate_limit(requests = 1, per = "minute", name = "patient")]
async fn patient() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_as_long_as_it_is_told_is_let_in_and_nobody_who_comes_before() {
    patient().await.unwrap();
    millis(12_345).await;
    let wait = patient().await.unwrap_err().retry_after().unwrap();
    assert_eq!(wait, Duration::from_millis(60_000 - 12_345));
    tokio::time::sleep(wait - Duration::from_millis(1)).await;
    assert!(patient().await.is_err());
    millis(1).await;
    assert_eq!(patient().await, Ok(()));
}

#[rate_limit(requests = 1, per = "hour", by = "user", name = "of-users")]
async fn of_users(_msg: Message) -> Answer {
    Ok(())
}

#[rate_limit(requests = 1, per = "hour", by = "api_key", name = "of-keys")]
async fn of_keys(_msg: Message) -> Answer {
    Ok(())
}

#[rate_limit(requests = 1, per = "hour", by = "arg:tenant", name = "of-tenants")]
async fn of_tenants(tenant: &str) -> Answer {
    let _ = tenant;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_user_key_and_tenant_has_a_quota_of_its_own_and_nobody_is_unlimited() {
    let user = |user: &str| Message::builder().user_id(user).build();
    let key = |key: &str| Message::builder().api_key(key).build();
    for name in ["a", "b"] {
        assert_eq!(passed(3, || of_users(user(name))).await, 1, "{name}");
        assert_eq!(passed(3, || of_keys(key(name))).await, 1, "{name}");
        assert_eq!(passed(3, || of_tenants(name)).await, 1, "{name}");
    }
    // Who is not known is its peer, and without one all of these are one.
    let from = |address: &str| Message::builder().ip(address).build();
    assert_eq!(passed(3, || of_users(from("192.0.2.1"))).await, 1);
    assert_eq!(passed(3, || of_users(from("192.0.2.2"))).await, 1);
    assert_eq!(passed(3, || of_users(Message::builder().build())).await, 1);
    assert_eq!(passed(3, || of_keys(Message::builder().header("X-API-Key", "claimed").build())).await, 1);
    assert_eq!(passed(3, || of_keys(Message::builder().header("X-API-Key", "another").build())).await, 0);
}

#[rate_limit(requests = 2, per = "hour", by = "ip", name = "of-networks")]
async fn of_networks(_msg: Message) -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_customer_with_many_addresses_or_notations_has_one_quota() {
    let from = |address: &'static str| of_networks(Message::builder().ip(address).build());
    for (address, gets_in) in [
        ("2001:db8:1:2::1", true),
        ("2001:db8:1:2::2", true),
        ("2001:db8:1:2::3", false),
        ("2001:db8:1:3::1", true),
        ("::ffff:1.2.3.4", true),
        ("1.2.3.4", true),
        ("::ffff:102:304", false),
        ("::ffff:5.6.7.8", true),
        ("64:ff9b::808:808", true),
        ("8.8.8.8", true),
        ("64:ff9b::808:808", false),
        ("64:ff9b::909:909", true),
    ] {
        assert_eq!(from(address).await.is_ok(), gets_in, "{address}");
    }
}

#[rate_limit(requests = 2, per = "minute", name = "of-a-minute")]
#[rate_limit(requests = 1, per = "second", name = "of-a-second")]
async fn twice_limited() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_second_limiter_refuses_spends_nothing_of_the_first() {
    assert_eq!(passed(9, twice_limited).await, 1);
    seconds(1).await;
    assert_eq!(twice_limited().await, Ok(()));
    seconds(1).await;
    assert_eq!(twice_limited().await.unwrap_err().name(), "of-a-minute");
}

#[rate_limit(requests = 1, per = "hour", by = "user", name = "few-keys", max_keys = 3)]
async fn few_keys(_msg: Message) -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn floods_of_keys_reset_no_quota_and_those_without_a_place_share_one() {
    let user = |user: String| few_keys(Message::builder().user_id(&user).build());
    for number in 0..3 {
        assert_eq!(user(number.to_string()).await, Ok(()));
    }
    let mut strangers = 0;
    for number in 3..100 {
        strangers += u32::from(user(number.to_string()).await.is_ok());
    }
    assert_eq!(strangers, 1);
    for number in 0..3 {
        assert!(user(number.to_string()).await.is_err());
    }
}

static QUEUED: Runs = Runs::new();

#[rate_limit(requests = 1, per = "second", algorithm = "token_bucket", max_wait = "10s", name = "queued")]
async fn queued() -> Answer {
    let _running = QUEUED.begin();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_spends_nothing_and_blocks_nobody() {
    queued().await.unwrap();
    let (first, second) = (tokio::spawn(queued()), tokio::spawn(queued()));
    millis(500).await;
    first.abort();
    millis(499).await;
    assert_eq!(QUEUED.all(), 1);
    millis(2).await;
    assert_eq!((QUEUED.all(), second.await.unwrap()), (2, Ok(())));
}

#[rate_limit(requests = 1, per = "hour", name = "only-observed", mode = "observe")]
async fn only_observed() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_observe_mode_it_counts_whom_it_would_refuse_and_lets_all_pass() {
    assert_eq!(passed(5, only_observed).await, 5);
    let limiter = Runtime::current().registry().limiter("only-observed").unwrap();
    assert_eq!(limiter.would_refuse(), 4);
}
