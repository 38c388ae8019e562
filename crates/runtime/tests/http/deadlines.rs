use std::time::Duration;

use serde_json::json;
use steadfast::prelude::*;

use super::client::{builder, server};

/// What is left, in milliseconds, and the headers for the next process.
#[service_method("GET /left")]
async fn left(_: Message) -> Result<serde_json::Value, String> {
    let headers: Vec<(&str, String)> = Deadline::headers().collect();
    Ok(json!({ "left": Deadline::remaining().map(|left| left.as_millis() as u64), "headers": headers }))
}

#[service_method("GET /slow")]
#[timeout("30ms")]
async fn slow(_: Message) -> Result<(), String> {
    std::future::pending().await
}

#[service_method("GET /unbounded")]
async fn unbounded(_: Message) -> Result<(), String> {
    std::future::pending().await
}

#[tokio::test]
async fn a_trusted_callers_deadline_is_honoured_and_passed_on() {
    let server = server(builder().trusted_peers(["127.0.0.0/8"])).await;
    for header in [("grpc-timeout", "5S"), ("X-Deadline-Ms", "5000")] {
        let answer = server.get("/left", &[header]).await.json();
        let left = answer["left"].as_u64().unwrap();
        assert!((4_000..=5_000).contains(&left), "{answer}");
        assert_eq!(answer["headers"][1][0], "x-deadline-ms");
        let passed_on: u64 = answer["headers"][1][1].as_str().unwrap().parse().unwrap();
        assert!((4_000..=5_000).contains(&passed_on), "{answer}");
        let grpc = answer["headers"][0][1].as_str().unwrap();
        assert!(steadfast::deadline::parse_grpc_timeout(grpc).unwrap() <= Duration::from_secs(5));
    }
}

#[tokio::test]
async fn without_a_deadline_a_request_has_a_minute() {
    let server = server(builder()).await;
    let answer = server.get("/left", &[]).await.json();
    assert!((55_000..=60_000).contains(&answer["left"].as_u64().unwrap()), "{answer}");
}

#[tokio::test]
async fn a_strangers_deadline_is_not_even_read() {
    let server = server(builder().trusted_peers(["10.0.0.0/8"])).await;
    for value in ["0", "250", "junk"] {
        let answer = server.get("/left", &[("X-Deadline-Ms", value)]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.json()["left"].as_u64().unwrap() > 50_000);
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_it_is_the_caller_who_must_be_trusted() {
    let server =
        server(builder().trusted_proxies(["127.0.0.1"]).trusted_peers(["127.0.0.1", "10.0.0.0/8"])).await;
    let with = async |forwarded: &str| {
        server.get("/left", &[("X-Deadline-Ms", "0"), ("X-Forwarded-For", forwarded)]).await.status
    };
    assert_eq!(with("198.51.100.7").await, 200);
    assert_eq!(with("10.1.1.1").await, 504);
}

#[tokio::test]
async fn garbage_is_400_and_what_is_over_runs_nothing() {
    let server = server(builder().trusted_peers(["127.0.0.1"])).await;
    for (name, value) in [("grpc-timeout", "1e3S"), ("grpc-timeout", "5"), ("X-Deadline-Ms", "-1")] {
        let answer = server.get("/left", &[(name, value)]).await;
        assert_eq!(answer.status, 400, "{value}");
        assert!(answer.json()["detail"].as_str().unwrap().starts_with('`'), "{answer:?}");
    }
    for (name, value) in [("grpc-timeout", "0S"), ("X-Deadline-Ms", "0"), ("X-Deadline-Ms", "9")] {
        let answer = server.get("/left", &[(name, value)]).await;
        assert_eq!((answer.status, answer.json()["policy"].as_str()), (504, Some("timeout")), "{value}");
    }
    assert_eq!(server.get("/left", &[("grpc-timeout", "99999999H")]).await.status, 200);
}

#[tokio::test]
async fn a_deadline_cuts_a_handler_and_never_lengthens_its_own() {
    let server = server(builder().trusted_peers(["127.0.0.1"])).await;
    assert_eq!(server.get("/unbounded", &[("X-Deadline-Ms", "30")]).await.status, 504);
    assert_eq!(server.get("/slow", &[("X-Deadline-Ms", "60000")]).await.status, 504);
    assert_eq!(server.get("/slow", &[]).await.status, 504);
}
