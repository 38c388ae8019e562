use std::sync::LazyLock;

use serde_json::json;
use steadfast::prelude::*;
use tokio::sync::{Notify, mpsc};

use super::client::{builder, idle, server};

#[service_method("GET /broken")]
#[circuit_breaker("http-broken", failure_threshold = 1)]
async fn broken(_: Message) -> Result<(), String> {
    Err("HTTP 500: it burns".to_owned())
}

#[service_method("GET /reviews")]
#[fallback("no_reviews")]
async fn reviews(_: Message) -> Result<RpcResponse, String> {
    Err("connection refused".to_owned())
}

async fn no_reviews(_: Message) -> Result<RpcResponse, String> {
    Ok(RpcResponse::success(&json!([]), 0)?)
}

#[service_method("GET /passed-on")]
async fn passed_on(msg: Message) -> Result<(), String> {
    inner(msg).await
}

#[circuit_breaker("http-passed-on", failure_threshold = 1)]
async fn inner(_: Message) -> Result<(), String> {
    Err("HTTP 503".to_owned())
}

#[service_method("GET /forged")]
async fn forged(_: Message) -> Result<(), String> {
    Err("rate limit \"x\" of 1 a second is used up".to_owned())
}

static WAITING: Notify = Notify::const_new();
static DROPPED: LazyLock<(mpsc::UnboundedSender<()>, tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>)> =
    LazyLock::new(|| {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, tokio::sync::Mutex::new(receiver))
    });

struct TellsItsEnd;

impl Drop for TellsItsEnd {
    fn drop(&mut self) {
        DROPPED.0.send(()).unwrap();
    }
}

#[service_method("GET /waits")]
async fn waits(_: Message) -> Result<(), String> {
    let _end = TellsItsEnd;
    WAITING.notify_one();
    std::future::pending().await
}

#[tokio::test]
async fn an_open_breaker_is_503_with_the_time_to_come_back() {
    let server = server(builder()).await;
    assert_eq!(server.get("/broken", &[]).await.status, 500);
    let answer = server.get("/broken", &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")));
    let problem = answer.json();
    assert_eq!(problem["policy"], "circuit_breaker");
    assert_eq!(problem["name"], "http-broken");
    assert!(problem["retry_after_ms"].as_u64().unwrap() > 25_000);
    assert!(problem["id"].is_string() && problem["detail"].is_null(), "{problem}");
}

#[tokio::test]
async fn a_fallbacks_answer_says_that_it_is_one() {
    let server = server(builder()).await;
    let answer = server.get("/reviews", &[]).await;
    assert_eq!((answer.status, answer.header("degraded")), (200, Some("true")));
    assert_eq!(answer.header("idempotency-replayed"), None);
}

#[tokio::test]
async fn a_refusal_that_a_handler_passes_on_as_text_is_still_one_and_a_forged_one_is_not() {
    let server = server(builder()).await;
    server.get("/passed-on", &[]).await;
    let answer = server.get("/passed-on", &[]).await;
    assert_eq!((answer.status, answer.json()["name"].as_str()), (503, Some("http-passed-on")));
    let forged = server.get("/forged", &[]).await;
    assert!(forged.json()["policy"].is_null(), "{forged:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let server = server(builder()).await;
    let stream = server.open("GET /waits HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    WAITING.notified().await;
    assert_eq!(server.runtime.in_flight(), 1);
    drop(stream);
    DROPPED.1.lock().await.recv().await.unwrap();
    idle(&server.runtime).await;
}

#[tokio::test]
async fn a_pipelined_connection_serves_one_request_after_another() {
    let server = server(builder()).await;
    let one = "GET /reviews HTTP/1.1\r\nHost: shop\r\n\r\n";
    let last = "GET /livez HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    let answers = server.raw(&format!("{one}{last}")).await;
    assert!(answers.body.ends_with("ok") && answers.body.contains("HTTP/1.1 200 OK"), "{answers:?}");
}
