//! Sections 6, 8, 9 and 11 over a real connection: what a client sees.

use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::actors::breaker::BreakerState;
use steadfast::prelude::*;
use steadfast::service::auth::{AuthRequest, Authenticator, Principal};
use tokio::sync::Notify;

use super::client::{Answer, Server, builder, server};
use super::support::Runs;

#[service_method("GET /tells/:how")]
#[rate_limit(requests = 6, per = "hour", by = "ip", name = "tells")]
#[circuit_breaker("tells", failure_threshold = 3)]
async fn tells(msg: Message) -> Result<String, String> {
    match msg.get_path_param("how")?.as_str() {
        "panics" => panic!("it burns"),
        "fails" => Err("HTTP 503".to_owned()),
        "misses" => Err("HTTP 404".to_owned()),
        how => Ok(how.to_owned()),
    }
}

#[tokio::test]
async fn every_answer_of_a_limited_route_tells_its_quota_whatever_became_of_the_call() {
    let server = server(builder()).await;
    let expected = [
        ("works", 200),
        ("misses", 404),
        ("fails", 503),
        ("panics", 500),
        ("panics", 500),
        ("works", 503),
        ("works", 429),
    ];
    for (number, (how, status)) in expected.into_iter().enumerate() {
        let answer = server.get(&format!("/tells/{how}"), &[]).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.rate_limit("r="), 5_usize.saturating_sub(number).to_string(), "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"tells\";q=6;w=3600"));
        assert!(answer.rate_limit("t=").parse::<u64>().unwrap() <= 3_600);
    }
}

#[service_method("POST /tells-early")]
#[rate_limit(requests = 2, per = "hour", by = "ip", name = "tells-early")]
async fn tells_early(_: Message) -> Result<(), String> {
    Ok(())
}

#[tokio::test]
async fn a_request_that_cannot_be_read_tells_the_quota_too_and_spends_nothing_of_it() {
    let server = server(builder().body_limit(8).trusted_peers(["127.0.0.1"])).await;
    let bad = [("X-Deadline-Ms", "soon")];
    let over = [("X-Deadline-Ms", "0")];
    for (headers, body, status) in
        [(&bad[..], "", 400), (&over[..], "", 504), (&[][..], "far too long", 413), (&[][..], "[]", 200)]
    {
        let answer = server.send("POST", "/tells-early", headers, body).await;
        let left = if status == 200 { "1" } else { "2" };
        assert_eq!((answer.status, answer.rate_limit("r=")), (status, left), "{answer:?}");
    }
}

#[service_method("GET /guarded-and-limited")]
#[rate_limit(requests = 3, per = "hour", by = "ip", name = "before-auth")]
#[require_auth]
#[rate_limit(requests = 1, per = "hour", by = "api_key", name = "after-auth")]
async fn guarded_and_limited(_: Message) -> Result<(), String> {
    Ok(())
}

#[tokio::test]
async fn a_failed_authentication_spends_the_limiter_before_it_and_a_later_refusal_does_not() {
    let server = server(builder()).await;
    let known = [("X-API-Key", "k-1")];
    let first = server.get("/guarded-and-limited", &known).await;
    assert_eq!((first.status, first.rate_limit("r=")), (200, "0"));
    assert_eq!(first.header("ratelimit-policy"), Some("\"after-auth\";q=1;w=3600"));
    for _ in 0..5 {
        // Refused behind authentication: what the first limiter had lent is given back.
        assert_eq!(server.get("/guarded-and-limited", &known).await.status, 429);
    }
    for (status, remaining) in [(401, "1"), (401, "0"), (429, "0")] {
        let guess = server.get("/guarded-and-limited", &[("X-API-Key", "guess")]).await;
        assert_eq!((guess.status, guess.rate_limit("r=")), (status, remaining), "{guess:?}");
        assert_eq!(guess.header("ratelimit-policy"), Some("\"before-auth\";q=3;w=3600"));
    }
}

static BURNING: Runs = Runs::new();

#[service_method("POST /burns")]
#[idempotent(key = "header:Idempotency-Key")]
#[throttle(max_concurrent = 1, queue = 1, name = "burns-throttle")]
#[circuit_breaker("burns-breaker", failure_threshold = 1)]
#[bulkhead("burns-pool", capacity = 1)]
async fn burns(_: Message) -> Result<(), String> {
    let _running = BURNING.begin();
    tokio::task::yield_now().await;
    panic!("secret of the house")
}

#[tokio::test]
async fn a_panicking_handler_is_500_with_everything_given_back_and_its_outcome_unknown() {
    let server = server(builder()).await;
    let key = [("Idempotency-Key", "b1")];
    let first = server.send("POST", "/burns", &key, "").await;
    assert_eq!(first.status, 500);
    assert!(!first.body.contains("secret") && first.json()["id"].is_string(), "{first:?}");
    assert_eq!((BURNING.all(), BURNING.now(), server.runtime.in_flight()), (1, 0, 0));
    let registry = server.runtime.registry();
    assert_eq!(registry.breaker("burns-breaker").unwrap().state(), BreakerState::Open);
    let again = server.send("POST", "/burns", &key, "").await;
    assert_eq!((again.status, again.json()["policy"].as_str()), (409, Some("idempotent")));
    registry.breaker("burns-breaker").unwrap().reset().await;
    // With a permit or a place lost, this one would be refused.
    let other = server.send("POST", "/burns", &[("Idempotency-Key", "b2")], "").await;
    assert_eq!((other.status, BURNING.all(), BURNING.now()), (500, 2, 0));
}

struct Breaks;

impl Authenticator for Breaks {
    async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        match request.message().header("X-Session") {
            Some("known") => Ok(Some(Principal::new().with_user("u1"))),
            Some("away") => Err(Rejection::shed("sessions", None)),
            _ => panic!("the session store burns"),
        }
    }
}

#[service_method("GET /sessions")]
#[rate_limit(requests = 9, per = "hour", by = "ip", name = "sessions")]
#[require_auth]
async fn sessions(msg: Message) -> Result<String, String> {
    Ok(msg.get_user_id()?)
}

#[tokio::test]
async fn an_authenticator_that_cannot_decide_or_panics_blames_nobody_and_leaves_nothing_behind() {
    let server = server(Runtime::builder().isolated().environment([]).authenticator(Breaks)).await;
    for (session, status) in [("away", 503), ("burns", 500), ("burns", 500), ("known", 200)] {
        let answer = server.get("/sessions", &[("X-Session", session)]).await;
        assert_eq!((answer.status, server.runtime.in_flight()), (status, 0), "{answer:?}");
        assert!(!answer.body.contains("burns"), "{answer:?}");
    }
    let failed = server.runtime.registry().limiter("failed_authentications").unwrap();
    assert_eq!(failed.status().keys, 0);
}

#[service_method("GET /named/:id")]
async fn named(msg: Message) -> Result<Vec<String>, String> {
    Ok(vec![msg.get_path_param("id")?, msg.get_path_param("color")?])
}

#[tokio::test]
async fn a_path_parameter_falls_back_to_the_query_and_a_missing_one_is_400_by_its_name() {
    let server = server(builder()).await;
    let answer = server.get("/named/7?color=red&id=8", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"["7","red"]"#));
    let answer = server.get("/named/7", &[]).await;
    let problem = answer.json();
    assert_eq!((answer.status, problem["errors"][0]["field"].as_str()), (400, Some("color")));
}

static PAID: AtomicU32 = AtomicU32::new(0);

#[service_method("POST /accounts/:account/payments")]
#[rate_limit(requests = 9, per = "hour", by = "ip", name = "payments")]
#[idempotent(key = "header:Idempotency-Key")]
async fn pay(msg: Message) -> Result<RpcResponse, String> {
    let number = PAID.fetch_add(1, Ordering::Relaxed) + 1;
    let length: usize = msg.deserialize_payload()?;
    let answer = RpcResponse::success(&json!({ "number": number, "receipt": "x".repeat(length) }), 201)?;
    Ok(answer
        .with_header("Location", "/payments/1")
        .with_header("ETag", "\"1\"")
        .with_header("Set-Cookie", "session=1")
        .with_header("Date", "Wed, 21 Oct 2015 07:28:00 GMT")
        .with_header("WWW-Authenticate", "Basic"))
}

async fn paid(server: &Server, account: &str, api_key: &str, length: &str) -> Answer {
    let headers = [("Idempotency-Key", "p1"), ("X-API-Key", api_key)];
    server.send("POST", &format!("/accounts/{account}/payments"), &headers, length).await
}

#[tokio::test]
async fn a_replay_has_the_same_status_bytes_and_stable_headers_and_spends_quota_of_its_own() {
    let server = server(builder()).await;
    let first = paid(&server, "replayed", "", "1").await;
    let again = paid(&server, "replayed", "", "1").await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    for (answer, replayed, left) in [(&first, None, "8"), (&again, Some("true"), "7")] {
        assert_eq!(answer.header("idempotency-replayed"), replayed);
        assert_eq!((answer.header("location"), answer.header("etag")), (Some("/payments/1"), Some("\"1\"")));
        assert_eq!(answer.rate_limit("r="), left);
    }
    assert!(first.header("set-cookie").is_some() && first.header("www-authenticate").is_some());
    assert_eq!((again.header("set-cookie"), again.header("www-authenticate")), (None, None));
    assert_ne!(again.header("date"), Some("Wed, 21 Oct 2015 07:28:00 GMT"));
}

#[tokio::test]
async fn an_equal_key_of_another_caller_or_path_value_is_another_key() {
    let server = server(builder().api_key("other", "k-2")).await;
    let mut answers = Vec::new();
    for (account, api_key) in [("a", "k-1"), ("a", "k-2"), ("a", ""), ("b", "k-1")] {
        let answer = paid(&server, account, api_key, "1").await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, None));
        answers.push(answer.body);
    }
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 4);
    assert_eq!(paid(&server, "a", "k-2", "1").await.header("idempotency-replayed"), Some("true"));
    assert_eq!(paid(&server, "a", "k-2", "2").await.status, 422);
}

static LARGE: Runs = Runs::new();

#[service_method("POST /large")]
#[idempotent(key = "header:Idempotency-Key", max_result = "64B")]
async fn large(_: Message) -> Result<String, String> {
    let _running = LARGE.begin();
    Ok("x".repeat(100))
}

#[tokio::test]
async fn a_result_too_large_to_keep_is_given_once_and_a_repeat_is_409_and_never_runs() {
    let server = server(builder()).await;
    let key = [("Idempotency-Key", "l1")];
    let first = server.send("POST", "/large", &key, "").await;
    assert_eq!((first.status, first.body.len()), (200, 102));
    let again = server.send("POST", "/large", &key, "").await;
    assert_eq!((again.status, again.json()["policy"].as_str()), (409, Some("idempotent")));
    assert_eq!(LARGE.all(), 1);
}

static HELD: Notify = Notify::const_new();
static FREE: Notify = Notify::const_new();

#[service_method("GET /full")]
#[throttle(max_concurrent = 1, queue = 1, name = "http-full")]
async fn full(msg: Message) -> Result<(), String> {
    if msg.get_query_param("hold").is_some() {
        HELD.notify_one();
        FREE.notified().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_full_house_is_503_with_a_time_to_come_back_and_its_probes_are_answered_all_the_same() {
    let server = server(builder()).await;
    let get = |path: &'static str| format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    let held = server.open(&get("/full?hold")).await;
    HELD.notified().await;
    let waiting = server.open(&get("/full")).await;
    let throttle = server.runtime.registry().throttle("http-full").unwrap();
    while throttle.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = server.get("/full", &[]).await;
    assert_eq!((refused.status, refused.json()["policy"].as_str()), (503, Some("throttle")));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    for probe in ["/livez", "/readyz"] {
        assert_eq!(server.get(probe, &[]).await.status, 200);
    }
    FREE.notify_one();
    for stream in [held, waiting] {
        assert_eq!(super::client::read(stream).await.status, 200);
    }
}

#[circuit_breaker("http-reviews", failure_threshold = 1)]
async fn reviews() -> Result<(), String> {
    Err("HTTP 503".to_owned())
}

#[service_method("GET /product")]
#[degrade_gracefully]
async fn product(_: Message) -> Result<bool, String> {
    Ok(reviews().await.is_ok())
}

#[tokio::test]
async fn an_answer_from_which_a_part_is_missing_says_degraded() {
    let server = server(builder()).await;
    let answer = server.get("/product", &[]).await;
    assert_eq!((answer.status, answer.header("degraded")), (200, Some("true")));
}
