//! `rate_limit`.

use std::time::Duration;

use steadfast::prelude::*;
use tokio::time::sleep;

use crate::stub::{self, Does};
use crate::{AnyRequest, message, message_of, payload};

type DataUploadRequest = AnyRequest;
type SearchQuery = AnyRequest;

include!("blocks/rate_limit.rs");

async fn process_data_upload(_upload: DataUploadRequest) -> Result<u32, String> {
    stub::run("upload").await
}

async fn perform_public_search(_query: SearchQuery) -> Result<u32, String> {
    stub::run("search").await
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_upload_in_a_minute_is_refused_and_does_not_run() {
    for run in 1..=10 {
        assert_eq!(payload(&upload_data(message()).await.unwrap()), json!(run));
    }
    let refusal = upload_data(message()).await.unwrap_err();
    assert!(refusal.starts_with("rate limit"), "{refusal}");
    assert_eq!(stub::runs("upload"), 10);
}

#[tokio::test(start_paused = true)]
async fn no_minute_wherever_it_begins_sees_an_eleventh_upload() {
    let mut let_in = Vec::new();
    for _ in 0..600 {
        if upload_data(message()).await.is_ok() {
            let_in.push(stub::now());
        }
        sleep(Duration::from_millis(700)).await;
    }
    assert!(let_in.len() >= 60, "{}", let_in.len());
    for eleven in let_in.windows(11) {
        assert!(eleven[10] - eleven[0] >= Duration::from_secs(60), "{eleven:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_user_has_a_quota_of_their_own() {
    for user in ["u1", "u2", "u3"] {
        for _ in 0..10 {
            assert!(upload_data(message_of(user)).await.is_ok());
        }
        assert!(upload_data(message_of(user)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn failures_spend_the_quota_too() {
    stub::set("upload", Does::Fails("HTTP 500"));
    for _ in 0..10 {
        assert_eq!(upload_data(message()).await.unwrap_err(), "HTTP 500");
    }
    assert!(upload_data(message()).await.unwrap_err().starts_with("rate limit"));
}

#[tokio::test(start_paused = true)]
async fn a_key_gets_a_thousand_searches_an_hour() {
    for _ in 0..1_000 {
        assert!(public_search(message()).await.is_ok());
    }
    let refusal = public_search(message()).await.unwrap_err();
    assert!(refusal.starts_with("rate limit"), "{refusal}");
    sleep(Duration::from_secs(3_700)).await;
    assert!(public_search(message()).await.is_ok());
}
