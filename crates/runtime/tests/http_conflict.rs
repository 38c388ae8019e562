//! Two sites on one route: the server does not choose between them, it does not start.
#![allow(missing_docs, reason = "tests name a behaviour")]

use steadfast::prelude::*;

#[service_method("GET /orders/:id")]
async fn by_id(_msg: Message) -> Result<(), String> {
    Ok(())
}

#[service_method("GET /orders/:number")]
async fn by_number(_msg: Message) -> Result<(), String> {
    Ok(())
}

#[service_method("POST /orders/:number")]
async fn another_method(_msg: Message) -> Result<(), String> {
    Ok(())
}

#[tokio::test]
async fn two_sites_on_one_route_are_an_error_that_names_both() {
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let error = runtime.serve("127.0.0.1:0").await.unwrap_err().to_string();
    for part in
        ["GET /orders/:number", "http_conflict::by_id (", "http_conflict::by_number (", "http_conflict.rs:"]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!error.contains("another_method"), "{error}");
}
