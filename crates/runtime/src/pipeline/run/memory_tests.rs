use std::time::Duration;

use crate::__private::{Inputs, Settings, Site, outcome, run_many};
use crate::{Message, Rejection, RejectionKind, Runtime};

type Result<T> = std::result::Result<T, Rejection>;

const MODULE: &str = "memory";

fn memory(name: &str) -> Settings {
    Settings::new().with("name", name).with("capacity", "1KiB").with("queue", 0)
}

async fn bytes_held(site: &'static Site, pool: &str, inputs: Inputs) -> Result<u64> {
    run_many(site, outcome!(Result<u64>), inputs, || async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(Runtime::current().registry().bulkhead(pool).unwrap().in_use())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_the_bytes_of_its_body_or_what_its_site_says_and_gives_them_back() {
    let (by_body, by_cost) = (
        site!("body", "bulkhead" => memory("bytes")),
        site!("cost", "bulkhead" => memory("bytes").with("cost", "arg:size")),
    );
    let message = || Message::builder().body("x".repeat(300)).build();
    assert_eq!(bytes_held(by_body, "bytes", Inputs::new().context(Some(message()))).await, Ok(300));
    assert_eq!(bytes_held(by_body, "bytes", Inputs::new().body(Some(0))).await, Ok(1));
    let said = Inputs::new().context(Some(message())).weight("bytes", 1_024);
    assert_eq!(bytes_held(by_cost, "bytes", said).await, Ok(1_024));
    let pool = Runtime::current().registry().bulkhead("bytes").unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_can_never_fit_is_refused_at_once_and_told_so_without_a_time_to_try_again() {
    let site = site!("large", "bulkhead" => memory("small"));
    let rejection = bytes_held(site, "small", Inputs::new().body(Some(1_025))).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.retry_after()), (RejectionKind::Full, None));
    assert!(rejection.to_string().contains("more was asked for than its whole capacity"), "{rejection}");
}

#[tokio::test(start_paused = true)]
async fn two_calls_that_do_not_fit_together_do_not_run_together() {
    let site = site!("pair", "bulkhead" => memory("pair"));
    let (first, second) = tokio::join!(
        bytes_held(site, "pair", Inputs::new().body(Some(600))),
        bytes_held(site, "pair", Inputs::new().body(Some(600)))
    );
    assert_eq!(first, Ok(600));
    assert_eq!(second.unwrap_err().kind(), RejectionKind::Full);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_which_nobody_says_how_much_it_takes_is_a_mistake_and_never_free() {
    let site = site!("unknown", "bulkhead" => memory("unknown"));
    let rejection = bytes_held(site, "unknown", Inputs::new()).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
    assert!(rejection.to_string().contains("cost = \"arg:x\""), "{rejection}");
}
