//! What is said when a runtime starts.

use steadfast::prelude::*;

use super::client::{builder, server};
use super::common::log;

#[idempotent(name = "of-anyone")]
async fn of_anyone(msg: Message) -> Result<String, Rejection> {
    msg.get_user_id()
}

#[idempotent(name = "of-somebody")]
#[require_auth]
async fn of_somebody(msg: Message) -> Result<String, Rejection> {
    msg.get_user_id()
}

#[throttle(max_concurrent = 5, max_wait = "1s", name = "backed-off")]
#[retry(attempts = 3, base_delay = "1s")]
async fn backed_off() -> Result<(), Rejection> {
    Ok(())
}

#[throttle(max_concurrent = 5, max_wait = "4s", name = "backed-off-patiently")]
#[retry(attempts = 3, base_delay = "1s")]
async fn backed_off_patiently() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_warns_of_keys_that_all_callers_share_and_of_throttles_held_through_long_backoffs() {
    let (log, _guard) = log();
    Runtime::builder().isolated().environment([]).build().unwrap();
    let shared = log.lines_with("share one space of keys").join("\n");
    assert!(shared.contains("startup::of_anyone") && !shared.contains("startup::of_somebody"), "{shared}");
    let held = log.lines_with("held through backoffs").join("\n");
    assert!(held.contains("startup::backed_off"), "{held}");
    assert!(!held.contains("startup::backed_off_patiently"), "{held}");
}

#[service_method("GET /startup/:id")]
async fn routed(msg: Message) -> Result<String, Rejection> {
    msg.get_path_param("id")
}

#[tokio::test]
async fn serving_says_which_routes_were_linked() {
    let (log, _guard) = log();
    let server = server(builder()).await;
    assert_eq!(server.get("/startup/7", &[]).await.status, 200);
    let said = log.lines_with("/startup/");
    assert!(said.len() == 1 && said[0].contains("GET") && said[0].contains("routed"), "{said:?}");
}
