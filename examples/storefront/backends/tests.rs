use std::sync::LazyLock;

use axum::http::Method;
use serde_json::{Value, json};

use super::fault::Fault;
use super::*;

/// Runs a test on the one tokio runtime that the backends, and the client's connections to them, live on.
fn with_backends<F: Future<Output = ()>>(test: impl FnOnce(&'static Backends) -> F) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    static BACKENDS: LazyLock<&Backends> =
        LazyLock::new(|| RUNTIME.block_on(Backends::start()).unwrap().install());
    let backends = *BACKENDS;
    RUNTIME.block_on(test(backends));
}

fn fault(value: Value) -> Fault {
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_backend_listens_on_a_port_of_its_own() {
    with_backends(|backends| async move {
        let ports: std::collections::BTreeSet<u16> =
            backends.names().map(|name| backends.get(name).unwrap().address.port()).collect();
        assert_eq!(ports.len(), 17);
    });
}

#[test]
fn a_call_that_arrives_is_counted_whether_it_fails_or_not() {
    with_backends(|backends| async move {
        let backend = backends.get("events").unwrap();
        let before = backend.injector.calls();
        let body = json!({ "events": [1, 2] });
        let answer: Value = client::post("events", "/events", &body).await.unwrap();
        assert_eq!(answer["accepted"], 2);
        backend.injector.set(fault(json!({ "status": 503 })));
        let error = client::post::<Value>("events", "/events", &body).await.unwrap_err();
        assert_eq!(error, "HTTP 503: events: Service Unavailable");
        backend.injector.set(Fault::default());
        assert!(client::post::<Value>("events", "/events", &body).await.is_ok());
        assert_eq!(backend.injector.calls() - before, 3);
    });
}

#[test]
fn a_call_that_hangs_is_answered_once_the_fault_is_cleared() {
    with_backends(|backends| async move {
        let backend = backends.get("analytics").unwrap();
        let before = backend.injector.calls();
        backend.injector.set(fault(json!({ "hang": true })));
        let call = tokio::spawn(client::get::<Value>("analytics", "/realtime"));
        while backend.injector.calls() == before {
            tokio::task::yield_now().await;
        }
        assert!(!call.is_finished());
        backend.injector.set(Fault::default());
        assert_eq!(call.await.unwrap().unwrap()["visitors"], 17);
    });
}

#[test]
fn one_idempotency_key_is_one_charge() {
    with_backends(|backends| async move {
        let backend = backends.get("payment_processor").unwrap();
        let uri = format!("http://{}/charges", backend.address);
        let charge = |key: &'static str| {
            let request = axum::http::Request::builder().method(Method::POST).uri(&uri);
            let request = request.header("idempotency-key", key);
            client::read(
                "payment_processor",
                request,
                json!({ "amount": 5, "currency": "EUR" }).to_string().into(),
            )
        };
        let first: Value = charge("a").await.unwrap();
        let again: Value = charge("a").await.unwrap();
        let other: Value = charge("b").await.unwrap();
        assert_eq!(first, again);
        assert_ne!(first["id"], other["id"]);
    });
}

#[test]
fn what_a_backend_refuses_keeps_its_status_and_reason() {
    with_backends(|_| async move {
        let error = client::get::<Value>("catalog", "/products/99").await.unwrap_err();
        assert_eq!(error, "HTTP 404: catalog: no product 99");
        let nothing = json!({ "amount": 0, "currency": "EUR" });
        let error = client::post::<Value>("payment_processor", "/charges", &nothing).await.unwrap_err();
        assert!(error.starts_with("HTTP 422: payment_processor: the amount"), "{error}");
        let error = client::get::<Value>("nobody", "/").await.unwrap_err();
        assert!(error.starts_with("connection refused"), "{error}");
    });
}

#[test]
fn a_text_stays_one_part_of_a_path() {
    assert_eq!(client::segment("a/b ../c?d"), "a%2Fb%20%2E%2E%2Fc%3Fd");
}
