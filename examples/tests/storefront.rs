//! The storefront as a user meets it: a process of its own, called over HTTP.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The storefront's process, ended with its test.
struct Shop {
    process: Child,
    url: String,
    token: String,
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The example beside this test's own binary, built where `cargo test --test` has left it out.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", "storefront"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        profile.join("examples").join(format!("storefront{}", std::env::consts::EXE_SUFFIX))
    });
    &PROGRAM
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Shop {
    fn open() -> Shop {
        let mut process = Command::new(program())
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.next().unwrap();
        let url = listening.strip_prefix("listening on ").unwrap().to_owned();
        let curl = lines.next().unwrap();
        let token = curl.split("Bearer ").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
        // Held open, so that the shop can go on printing.
        std::thread::spawn(move || lines.for_each(drop));
        Shop { process, url, token }
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer =
            client.request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    /// One of the shop's own examples.
    async fn ready(&self, ready: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let listed = ready["headers"].as_object().unwrap().iter();
        let mut headers: Vec<(&str, &str)> =
            listed.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        if ready["auth"] == true {
            headers.push(("Authorization", &bearer));
        }
        let body = if ready["body"].is_null() { String::new() } else { ready["body"].to_string() };
        self.call(ready["method"].as_str().unwrap(), ready["path"].as_str().unwrap(), &headers, &body).await
    }

    async fn examples(&self) -> Vec<Value> {
        self.get("/_examples").await.body.as_array().unwrap().clone()
    }

    async fn example(&self, name: &str) -> Value {
        self.examples().await.into_iter().find(|ready| ready["name"] == name).unwrap()
    }

    async fn fault(&self, backend: &str, fault: Value) {
        let set = self.call("PUT", &format!("/_faults/{backend}"), &[], &fault.to_string()).await;
        assert_eq!(set.status, 200, "{}", set.body);
    }

    async fn calls(&self, backend: &str) -> u64 {
        self.get(&format!("/_calls/{backend}")).await.body["calls"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn every_example_succeeds_and_reaches_its_backends() {
    let shop = Shop::open();
    let examples = shop.examples().await;
    assert_eq!(examples.len(), 21);
    for ready in &examples {
        let name = ready["name"].as_str().unwrap();
        let mut before = Vec::new();
        for backend in ready["backends"].as_array().unwrap() {
            before.push((backend.as_str().unwrap(), shop.calls(backend.as_str().unwrap()).await));
        }
        let answer = shop.ready(ready).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        for (backend, calls) in before {
            assert!(shop.calls(backend).await > calls, "{name} did not reach {backend}");
        }
        let described = shop.get(&format!("/_describe/{name}")).await;
        assert_eq!(described.status, 200, "{name}: {}", described.body);
        if ready["auth"] == true {
            let stranger =
                shop.call(ready["method"].as_str().unwrap(), ready["path"].as_str().unwrap(), &[], "").await;
            assert_eq!(stranger.status, 401, "{name}");
        }
    }
}

#[tokio::test]
async fn a_failing_backend_opens_its_breaker_which_survives_a_crash_of_its_actor() {
    let shop = Shop::open();
    let recommendations = shop.example("get_recommendations").await;
    shop.fault("recommendation_service", json!({ "error_rate": 1, "status": 503 })).await;
    for _ in 0..5 {
        let answer = shop.ready(&recommendations).await;
        assert_eq!((answer.status, answer.body["policy"].is_null()), (503, true));
    }
    let refused = shop.ready(&recommendations).await;
    assert_eq!((refused.status, refused.body["name"].as_str()), (503, Some("recommendation_service")));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!(refused.headers.contains_key("retry-after"));
    let crashed = shop.call("POST", "/_crash/breaker/recommendation_service", &[], "").await;
    assert_eq!(crashed.status, 200, "{}", crashed.body);
    assert_eq!(shop.ready(&recommendations).await.status, 503);
    assert_eq!(shop.calls("recommendation_service").await, 5);
    let page = shop.ready(&shop.example("get_product_details").await).await;
    assert_eq!((page.status, page.headers["degraded"].to_str().unwrap()), (200, "true"));
    assert!(page.body["recommendations"].is_null());
}

#[tokio::test]
async fn a_fallback_answers_for_a_backend_that_fails() {
    let shop = Shop::open();
    shop.fault("review_service", json!({ "error_rate": 1 })).await;
    let reviews = shop.ready(&shop.example("get_product_reviews").await).await;
    assert_eq!((reviews.status, reviews.body["reviews"].clone()), (200, json!([])));
    assert_eq!(reviews.headers["degraded"], "true");
    shop.fault("external_service", json!({ "error_rate": 1 })).await;
    let critical = shop.ready(&shop.example("critical_operation").await).await;
    assert_eq!((critical.status, critical.body["status"].as_str()), (200, Some("degraded")));
}

#[tokio::test]
async fn a_repeated_confirmation_is_replayed_and_the_eleventh_upload_refused() {
    let shop = Shop::open();
    let confirm = shop.example("confirm_order").await;
    let first = shop.ready(&confirm).await;
    let again = shop.ready(&confirm).await;
    assert_eq!((first.status, &again.body), (200, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(shop.calls("orders").await, 1);
    let upload = shop.example("upload_data").await;
    for _ in 0..10 {
        assert_eq!(shop.ready(&upload).await.status, 200);
    }
    let refused = shop.ready(&upload).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after") && refused.headers.contains_key("ratelimit"));
    assert_eq!(shop.calls("content").await, 10);
}

#[tokio::test]
async fn a_backend_that_hangs_is_given_up_when_the_caller_says_so() {
    let shop = Shop::open();
    shop.fault("search", json!({ "hang": true })).await;
    let cut = shop.call("GET", "/search?q=kettle", &[("X-Deadline-Ms", "200")], "").await;
    assert_eq!(cut.status, 504, "{}", cut.body);
    assert_eq!(shop.calls("search").await, 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let shop = Shop::open();
    for (method, path, body, status, told) in [
        ("PUT", "/_faults/orders", "{bad", 400, "payload"),
        ("PUT", "/_faults/orders", r#"{"error_rate": 3}"#, 400, "error_rate"),
        ("PUT", "/_faults/nobody", "{}", 404, "payment_processor"),
        ("GET", "/_calls/nobody", "", 404, "payment_processor"),
        ("GET", "/_describe/nobody", "", 404, "charge_payment"),
        ("POST", "/_crash/breaker/nobody", "", 404, "payment_processor"),
        ("POST", "/_crash/nothing/x", "", 404, "breaker"),
        ("GET", "/nowhere", "", 404, "nothing"),
        ("DELETE", "/search", "", 405, "methods"),
    ] {
        let answer = shop.call(method, path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(answer.body.to_string().contains(told), "{method} {path}: {}", answer.body);
    }
}

#[test]
fn an_argument_that_is_not_known_ends_it_with_its_usage() {
    let ended = Command::new(program()).arg("--lisen").output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(told.contains("--lisen") && told.contains("usage: storefront"), "{told}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_lets_calls_in_flight_end_and_then_the_shop() {
    let mut shop = Shop::open();
    shop.fault("search", json!({ "latency": "300ms" })).await;
    let pid = shop.process.id().to_string();
    let in_flight = shop.get("/search?q=kettle");
    let stopped = async {
        while shop.calls("search").await == 0 {
            tokio::task::yield_now().await;
        }
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    };
    let (answer, ()) = tokio::join!(in_flight, stopped);
    assert_eq!(answer.status, 200);
    assert!(shop.process.wait().unwrap().success());
}
