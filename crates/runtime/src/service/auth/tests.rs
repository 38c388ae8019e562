use std::time::Duration;

use steadfast_actors::clock::WallTime;
use steadfast_actors::machine::Kind;
use steadfast_actors::rejection::UnavailableReason;

use super::*;
use crate::service::message::MessageBuilder;

const NOON: u64 = 1_800_000_000;

fn builder() -> crate::RuntimeBuilder {
    let noon = WallTime::from_nanos(NOON * 1_000_000_000);
    Runtime::builder().isolated().environment([]).wall_clock_from(noon)
}

async fn known(runtime: &Runtime, message: MessageBuilder) -> Result<Principal, Rejection> {
    let message = message.build();
    find_out(runtime, &message, true).await?;
    Ok(message.principal().cloned().unwrap())
}

fn from(address: &str) -> MessageBuilder {
    Message::builder().ip(address)
}

fn problem(result: Result<Principal, Rejection>) -> String {
    let rejection = result.unwrap_err();
    assert_eq!(rejection.http_status(), 401, "{rejection}");
    rejection.to_string()
}

#[tokio::test(start_paused = true)]
async fn an_api_key_is_known_by_its_name_and_never_by_itself() {
    let runtime = builder().api_key("partner", "k-1").build().unwrap();
    let principal = known(&runtime, from("10.0.0.1").header("x-api-key", "k-1")).await.unwrap();
    assert_eq!((principal.api_key(), principal.user()), (Some("partner"), None));
    assert!(!format!("{principal:?} {:?}", runtime.authentication()).contains("k-1"));
    let refused = known(&runtime, from("10.0.0.1").header("X-API-Key", "k-2")).await;
    assert_eq!(problem(refused), "not authenticated: the API key is not known");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_stands_twice_is_none() {
    let runtime = builder().api_key("partner", "k-1").build().unwrap();
    let twice = from("10.0.0.1").header("X-API-Key", "k-1").header("x-api-key", "k-2");
    assert_eq!(problem(known(&runtime, twice).await), "not authenticated: no credentials were sent");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_knows_its_sender_is_not_asked_again() {
    let runtime = builder().build().unwrap();
    assert_eq!(known(&runtime, from("10.0.0.1").user_id("u1")).await.unwrap().user(), Some("u1"));
    let unknown = known(&runtime, from("10.0.0.1")).await;
    assert_eq!(problem(unknown), "not authenticated: this service knows no way to find out who calls");
}

#[tokio::test(start_paused = true)]
async fn beyond_thirty_failures_a_minute_a_peer_gets_429_and_valid_credentials_still_pass() {
    let runtime = builder().api_key("partner", "k-1").build().unwrap();
    for _ in 0..30 {
        problem(known(&runtime, from("2001:db8::1").header("X-API-Key", "guess")).await);
    }
    let refused = known(&runtime, from("2001:db8::2")).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.name()), (429, "failed_authentications"));
    assert!(refused.retry_after().is_some());
    assert!(known(&runtime, from("2001:db8::1").header("X-API-Key", "k-1")).await.is_ok());
    problem(known(&runtime, from("10.0.0.1")).await);
    tokio::time::sleep(refused.retry_after().unwrap()).await;
    problem(known(&runtime, from("2001:db8::1")).await);
}

#[tokio::test(start_paused = true)]
async fn a_file_may_set_another_quota_of_failures() {
    let text = "[rate_limit.failed_authentications]\nrequests = 1\n";
    let runtime = builder().api_key("partner", "k-1").config_text(text).build().unwrap();
    problem(known(&runtime, from("10.0.0.1")).await);
    assert_eq!(known(&runtime, from("10.0.0.1")).await.unwrap_err().http_status(), 429);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_has_to_be_known_a_wrong_credential_passes_as_nobody_until_it_is_a_guess() {
    let runtime = builder().api_key("partner", "k-1").build().unwrap();
    let passed = async |message: MessageBuilder| {
        let message = message.build();
        find_out(&runtime, &message, false).await.map(|()| message.principal().is_some())
    };
    let guess = || from("10.0.0.1").header("X-API-Key", "guess");
    for _ in 0..30 {
        assert_eq!(passed(guess()).await, Ok(false));
    }
    assert_eq!(passed(guess()).await.unwrap_err().http_status(), 429);
    assert_eq!(passed(from("10.0.0.1")).await, Ok(false));
    assert_eq!(passed(from("10.0.0.1").header("X-API-Key", "k-1")).await, Ok(true));
}

struct Down;

impl Authenticator for Down {
    async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        match request.message().header("X-Session") {
            Some("s1") => Ok(Some(Principal::new().with_user("u1"))),
            Some(_) => {
                Err(Rejection::unavailable(Kind::Limiter, "sessions", UnavailableReason::NoAnswer, None))
            }
            None => Ok(None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn authenticators_are_asked_in_turn_and_one_that_cannot_decide_blames_nobody() {
    let runtime = builder().authenticator(Down).api_key("partner", "k-1").build().unwrap();
    assert_eq!(known(&runtime, from("10.0.0.1").header("X-Session", "s1")).await.unwrap().user(), Some("u1"));
    let key = from("10.0.0.1").header("X-API-Key", "k-1");
    assert_eq!(known(&runtime, key).await.unwrap().api_key(), Some("partner"));
    for _ in 0..40 {
        let lost = known(&runtime, from("10.0.0.1").header("X-Session", "s2")).await.unwrap_err();
        assert_eq!(lost.http_status(), 503);
    }
}

#[cfg(feature = "jwt")]
mod tokens;
