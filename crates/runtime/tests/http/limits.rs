use steadfast::prelude::*;

use super::client::{builder, server};

#[service_method("GET /limited")]
#[rate_limit(requests = 3, per = "minute", by = "ip", name = "limited")]
async fn limited(_msg: Message) -> Result<(), String> {
    Ok(())
}

#[service_method("GET /limited/twice")]
#[rate_limit(requests = 100, per = "hour", name = "wide")]
#[rate_limit(requests = 2, per = "minute", name = "narrow")]
async fn limited_twice(_msg: Message) -> Result<(), String> {
    Ok(())
}

#[tokio::test]
async fn every_answer_of_a_limited_route_says_how_much_is_left() {
    let server = server(builder()).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = server.get("/limited", &[]).await;
        assert_eq!(answer.header("ratelimit-policy"), Some("\"limited\";q=3;w=60"));
        seen.push((answer.status, answer.rate_limit("r=").to_owned()));
        if answer.status == 429 {
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{answer:?}");
            let problem = answer.json();
            assert_eq!(
                (problem["policy"].as_str(), problem["name"].as_str()),
                (Some("rate_limit"), Some("limited"))
            );
            let millis = problem["retry_after_ms"].as_u64().unwrap();
            assert_eq!(millis.div_ceil(1_000), wait);
        }
    }
    let wanted = [(200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0")];
    assert_eq!(seen, wanted.map(|(status, left)| (status, left.to_owned())));
}

#[tokio::test]
async fn the_fields_are_of_the_limiter_that_is_closest_to_refusing() {
    let server = server(builder()).await;
    for status in [200, 200, 429] {
        let answer = server.get("/limited/twice", &[]).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"narrow\";q=2;w=60"));
    }
}

#[tokio::test]
async fn a_forged_hop_gives_no_fresh_quota() {
    let server = server(builder().trusted_proxies(["127.0.0.1"])).await;
    let from = async |forwarded: &str| server.get("/limited", &[("X-Forwarded-For", forwarded)]).await.status;
    let mut passed = 0;
    for forged in 0..20 {
        passed += u32::from(from(&format!("9.9.9.{forged}, 198.51.100.7")).await == 200);
    }
    assert_eq!(passed, 3);
    assert_eq!(from("198.51.100.8").await, 200);
    for (address, status) in [
        ("2001:db8:1:2::1", 200),
        ("2001:db8:1:2::2", 200),
        ("2001:db8:1:2::3", 200),
        ("2001:db8:1:2::4", 429),
    ] {
        assert_eq!(from(address).await, status, "{address}");
    }
    assert_eq!(from("2001:db8:1:3::1").await, 200);
}

#[tokio::test]
async fn a_header_of_an_untrusted_peer_is_ignored() {
    let server = server(builder().trusted_proxies(["10.0.0.0/8"])).await;
    for (number, status) in [(1, 200), (2, 200), (3, 200), (4, 429)] {
        let forged = format!("198.51.100.{number}");
        assert_eq!(server.get("/limited", &[("X-Forwarded-For", &forged)]).await.status, status);
    }
}

#[test]
fn a_block_that_is_none_is_an_error_where_the_runtime_is_built() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = tokio.enter();
    let error = builder().trusted_proxies(["proxy"]).trusted_peers(["10.0.0.0/99"]).build().unwrap_err();
    let error = error.to_string();
    assert!(error.contains("trusted_proxies: \"proxy\"") && error.contains("trusted_peers"), "{error}");
}
