use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use steadfast::prelude::*;
use steadfast::service::http::ServeError;

use super::client::{builder, read, server};

#[derive(Debug, Serialize, Deserialize, garde::Validate)]
struct Order {
    #[garde(range(min = 1))]
    amount: u32,
    #[garde(skip)]
    #[serde(default)]
    gift: bool,
}

#[service_method("GET /orders/:id/items/:item")]
async fn item(msg: Message) -> Result<RpcResponse, String> {
    let (id, item) = (msg.get_path_param("id")?, msg.get_path_param("item")?);
    Ok(RpcResponse::success(&json!([id, item, msg.get_query_param("q")]), 0)?)
}

#[service_method("PUT /orders/:order/items/:line")]
async fn replace_item(msg: Message) -> Result<Vec<String>, String> {
    Ok(vec![msg.get_path_param("order")?, msg.get_path_param("line")?])
}

#[service_method("POST /orders")]
async fn create(msg: Message) -> Result<RpcResponse, Rejection> {
    let order: Order = msg.deserialize_payload()?;
    Ok(RpcResponse::success(&order, 201)?.with_header("Location", "/orders/7").with_header("Connection", "x"))
}

#[service_method("GET /orders")]
async fn search(msg: Message) -> Result<Order, String> {
    Ok(msg.deserialize_payload()?)
}

#[service_method("POST /validated")]
#[validate]
async fn validated(msg: Message) -> Result<Order, String> {
    Ok(msg.deserialize_payload()?)
}

#[service_method("GET /panics")]
async fn panics(_: Message) -> Result<(), String> {
    panic!("secret of the house")
}

#[service_method("GET /fails/:how")]
async fn fails(msg: Message) -> Result<(), String> {
    Err(match msg.get_path_param("how")?.as_str() {
        "missing" => "HTTP 404: no such order".to_owned(),
        _ => "connection refused: db.internal:5432".to_owned(),
    })
}

#[service_method("GET /guarded")]
#[require_auth]
async fn guarded(msg: Message) -> Result<Option<String>, String> {
    Ok(msg.principal().and_then(|known| known.api_key()).map(str::to_owned))
}

#[tokio::test]
async fn path_query_and_body_reach_the_handler() {
    let server = server(builder()).await;
    let answer = server.get("/orders/a%2Fb/items/%C3%A9?q=x+y%21", &[]).await;
    assert_eq!((answer.status, answer.json()), (200, json!(["a/b", "\u{e9}", "x y!"])));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = server.post("/orders", r#"{"amount":3}"#).await;
    assert_eq!((answer.status, answer.json()), (201, json!({ "amount": 3, "gift": false })));
    assert_eq!((answer.header("location"), answer.header("rpc-code")), (Some("/orders/7"), Some("201")));
    let answer = server.get("/orders?amount=3&gift=true", &[]).await;
    assert_eq!(answer.json(), json!({ "amount": 3, "gift": true }));
}

#[tokio::test]
async fn two_methods_of_one_path_may_name_its_parameters_differently() {
    let server = server(builder()).await;
    let answer = server.send("PUT", "/orders/7/items/2", &[], "").await;
    assert_eq!((answer.status, answer.json()), (200, json!(["7", "2"])));
    assert_eq!(server.get("/orders/7/items/2", &[]).await.json(), json!(["7", "2", null]));
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405() {
    let server = server(builder()).await;
    let answer = server.get("/nothing", &[]).await;
    assert_eq!((answer.status, answer.json()["title"].as_str()), (404, Some("Not Found")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let answer = server.send("DELETE", "/orders", &[], "").await;
    assert_eq!((answer.status, answer.json()["status"].as_u64()), (405, Some(405)));
    let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_400_and_names_the_field() {
    let server = server(builder()).await;
    for (body, field) in [("{", "payload"), (r#"{"amount":"x"}"#, "amount"), (r#"{"gift":true}"#, "amount")] {
        let answer = server.post("/orders", body).await;
        let problem = answer.json();
        assert_eq!((answer.status, problem["errors"][0]["field"].as_str()), (400, Some(field)), "{body}");
        assert_eq!(problem["policy"], "request");
    }
    assert_eq!(server.get("/orders?amount=many", &[]).await.status, 400);
    assert_eq!(server.get("/orders/%FF/items/1", &[]).await.status, 400);
}

#[tokio::test]
async fn a_payload_that_breaks_a_rule_is_422_field_by_field() {
    let server = server(builder()).await;
    let answer = server.post("/validated", r#"{"amount":0}"#).await;
    let problem = answer.json();
    assert_eq!((answer.status, problem["policy"].as_str()), (422, Some("validate")));
    assert_eq!(problem["errors"], json!([{ "field": "amount", "message": "lower than 1" }]));
    assert_eq!(server.post("/validated", r#"{"amount":1}"#).await.status, 200);
}

#[tokio::test]
async fn a_body_above_the_limit_is_413_whether_it_says_so_or_not() {
    let server = server(builder().body_limit(14)).await;
    assert_eq!(server.post("/orders", r#"{"amount": 33}"#).await.status, 201);
    assert_eq!(server.post("/orders", r#"{"amount": 333}"#).await.status, 413);
    let head =
        "POST /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}8\r\n{{\"amount\r\n7\r\n\": 333}}\r\n0\r\n\r\n");
    assert_eq!(server.raw(&chunked).await.status, 413);
    let within = format!("{head}8\r\n{{\"amount\r\n6\r\n\": 33}}\r\n0\r\n\r\n");
    assert_eq!(server.raw(&within).await.status, 201);
}

#[tokio::test]
async fn a_client_that_sends_far_too_much_still_reads_why_it_is_refused() {
    let server = server(builder().body_limit(14)).await;
    let amount = "3".repeat(4 * 1024 * 1024);
    assert_eq!(server.post("/orders", &format!(r#"{{"amount": {amount}}}"#)).await.status, 413);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_the_clients_fault() {
    let server = server(builder().body_timeout(Duration::from_millis(20))).await;
    let head = "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 12\r\n\r\n{";
    let answer = read(server.open(head).await).await;
    assert_eq!(answer.status, 408);
}

#[tokio::test]
async fn a_panicking_handler_is_500_and_tells_nothing_of_the_house() {
    let server = server(builder()).await;
    let first = server.get("/panics", &[]).await;
    assert_eq!(first.status, 500);
    assert!(!first.body.contains("secret"), "{first:?}");
    let second = server.get("/panics", &[]).await;
    let id = |answer: &super::client::Answer| answer.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn a_handlers_error_is_answered_by_its_kind_and_only_the_callers_fault_in_words() {
    let server = server(builder()).await;
    let answer = server.get("/fails/missing", &[]).await;
    assert_eq!((answer.status, answer.json()["detail"].as_str()), (404, Some("HTTP 404: no such order")));
    let answer = server.get("/fails/otherwise", &[]).await;
    assert_eq!(answer.status, 502);
    assert!(answer.json()["id"].is_string() && !answer.body.contains("db.internal"), "{answer:?}");
}

#[tokio::test]
async fn who_is_not_known_is_401_and_is_told_how_to_be() {
    let server = server(builder()).await;
    let answer = server.get("/guarded", &[]).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("ApiKey")));
    assert_eq!(answer.json()["policy"], "require_auth");
    let answer = server.get("/guarded", &[("X-API-Key", "k-1")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#""partner""#));
}

#[tokio::test]
async fn beyond_thirty_wrong_keys_a_peer_gets_429_and_a_right_one_still_passes() {
    let server = server(builder()).await;
    for _ in 0..30 {
        assert_eq!(server.get("/guarded", &[("X-API-Key", "guess")]).await.status, 401);
    }
    let answer = server.get("/guarded", &[("X-API-Key", "guess")]).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"failed_authentications\";q=30;w=60"));
    assert_eq!(server.get("/guarded", &[("X-API-Key", "k-1")]).await.status, 200);
}

#[tokio::test]
async fn require_auth_without_an_authenticator_is_an_error_at_the_start() {
    let runtime = Runtime::builder().isolated().environment([]).build().unwrap();
    let Err(ServeError::Routes(error)) = runtime.router() else { panic!("it served") };
    assert!(error.to_string().contains("guarded (crates/runtime/tests/http/requests.rs:"), "{error}");
    assert!(runtime.serve("127.0.0.1:0").await.is_err());
}

#[tokio::test]
async fn probes_are_answered_without_any_layer() {
    let server = server(builder()).await;
    for path in ["/livez", "/readyz"] {
        let answer = server.get(path, &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
}
