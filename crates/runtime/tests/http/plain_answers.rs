//! Handlers that answer for themselves, with axum's `Response` as value and as error: it can be sent to another thread,
//! but not lent to one.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use steadfast::prelude::*;

use super::client::builder;

/// Fails with an answer of its own, behind every layer that runs a handler again or waits for it.
#[circuit_breaker("teapots", failure_threshold = 2)]
#[retry(attempts = 2, base_delay = "1ms")]
#[bulkhead("teapots", capacity = 4)]
#[timeout("5s")]
async fn brew(status: StatusCode) -> Result<Response, Response> {
    Err((status, "no coffee").into_response())
}

/// Succeeds with one.
#[timeout("5s")]
async fn pour(cups: u32) -> Result<Response, Response> {
    if cups > 3 { Err(StatusCode::IM_A_TEAPOT.into_response()) } else { Ok("poured".into_response()) }
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_fail_with_an_answer_of_its_own() {
    let runtime = builder().build().unwrap();
    // Spawned: its future has to be `Send`, which an error that is not `Sync` must not spoil.
    let answers = tokio::spawn(async move {
        let calls = async { (brew(StatusCode::IM_A_TEAPOT).await, pour(2).await, pour(4).await) };
        runtime.scope(calls).await
    });
    let (brewed, few, many) = answers.await.unwrap();
    assert_eq!(brewed.unwrap_err().status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(few.unwrap().status(), StatusCode::OK);
    assert_eq!(many.unwrap_err().status(), StatusCode::IM_A_TEAPOT);
}

#[tokio::test(start_paused = true)]
async fn what_we_refuse_reaches_its_caller_as_an_answer() {
    let runtime = builder().build().unwrap();
    let calls = async {
        // Its two attempts are the failures that open the breaker.
        assert_eq!(brew(StatusCode::BAD_GATEWAY).await.unwrap_err().status(), StatusCode::BAD_GATEWAY);
        brew(StatusCode::BAD_GATEWAY).await.unwrap_err()
    };
    let refused = runtime.scope(calls).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
}
