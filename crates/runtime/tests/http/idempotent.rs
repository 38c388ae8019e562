use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use steadfast::prelude::*;
use tokio::sync::Notify;

use super::client::{Answer, Server, builder, idle, server};

static PAID: AtomicU32 = AtomicU32::new(0);

#[service_method("POST /payments")]
#[idempotent(key = "header:Idempotency-Key")]
async fn pay(msg: Message) -> Result<RpcResponse, String> {
    let payment: serde_json::Value = msg.deserialize_payload()?;
    let number = PAID.fetch_add(1, Ordering::SeqCst);
    let answer = RpcResponse::success(&json!({ "number": number, "payment": payment }), 201)?;
    Ok(answer.with_header("Location", "/payments/7").with_header("Set-Cookie", "session=1"))
}

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();
static SHIPPED: AtomicU32 = AtomicU32::new(0);

#[service_method("POST /shipments")]
#[idempotent(key = "header:Idempotency-Key")]
async fn ship(_msg: Message) -> Result<u32, String> {
    BEGUN.notify_one();
    GO_ON.notified().await;
    Ok(SHIPPED.fetch_add(1, Ordering::SeqCst) + 1)
}

async fn post(server: &Server, path: &str, key: &str, body: &str) -> Answer {
    server.send("POST", path, &[("Idempotency-Key", key)], body).await
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_is_told_so() {
    let server = server(builder()).await;
    let first = post(&server, "/payments", "k1", r#"{"amount":3}"#).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
    assert_eq!(first.header("set-cookie"), Some("session=1"));
    let again = post(&server, "/payments", "k1", r#"{ "amount": 3 }"#).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.header("location"), again.header("set-cookie")), (Some("/payments/7"), None));
    let other = post(&server, "/payments", "k1", r#"{"amount":4}"#).await;
    assert_eq!((other.status, other.json()["policy"].as_str()), (422, Some("idempotent")));
    let bad = post(&server, "/payments", "a b", r#"{"amount":4}"#).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn a_run_that_has_begun_goes_on_without_its_client_and_a_repeat_gets_its_result() {
    let server = server(builder()).await;
    let request = "POST /shipments HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: s1\r\n\r\n";
    let stream = server.open(request).await;
    BEGUN.notified().await;
    let meanwhile = post(&server, "/shipments", "s1", "").await;
    assert_eq!(meanwhile.status, 409);
    assert!(meanwhile.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    drop(stream);
    // Another request is served by the same thread: by then the server has seen the client go.
    for _ in 0..3 {
        server.get("/livez", &[]).await;
    }
    assert_eq!(server.runtime.in_flight(), 1);
    GO_ON.notify_one();
    idle(&server.runtime).await;
    let again = post(&server, "/shipments", "s1", "").await;
    assert_eq!((again.status, again.body.as_str()), (200, "1"));
    assert_eq!(SHIPPED.load(Ordering::SeqCst), 1);
}
