//! `GET /_examples`: for every route a request that succeeds while no fault is set.

use serde::Serialize;
use serde_json::{Map, Value, json};
use steadfast::prelude::*;

use crate::access::API_KEY;

/// One request, ready to be sent; where `auth` is true, its caller adds a bearer token.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub headers: Map<String, Value>,
    pub body: Option<Value>,
    pub auth: bool,
    pub backends: &'static [&'static str],
}

impl Ready {
    fn get(name: &'static str, path: &'static str, backends: &'static [&'static str]) -> Self {
        Ready { name, method: "GET", path, headers: Map::new(), body: None, auth: false, backends }
    }

    fn post(name: &'static str, path: &'static str, body: Value, backends: &'static [&'static str]) -> Self {
        let mut ready = Ready { method: "POST", body: Some(body), ..Ready::get(name, path, backends) };
        ready.headers.insert("Content-Type".to_owned(), json!("application/json"));
        ready
    }

    fn with_token(mut self) -> Self {
        self.auth = true;
        self
    }

    fn with_api_key(mut self) -> Self {
        self.headers.insert("X-API-Key".to_owned(), json!(API_KEY));
        self
    }
}

#[service_method("GET /_examples")]
pub async fn examples(_msg: Message) -> Result<RpcResponse, Rejection> {
    RpcResponse::success(&ready(), 0)
}

/// All of them, in the specification's order.
pub fn ready() -> Vec<Ready> {
    let order = json!({ "user": "demo", "product": "2", "quantity": 1 });
    vec![
        Ready::get("get_recommendations", "/user-recommendations", &["recommendation_service"]).with_token(),
        Ready::post(
            "charge_payment",
            "/payments/charge",
            json!({ "amount": 6500, "currency": "EUR" }),
            &["payment_processor"],
        )
        .with_token(),
        Ready::get("get_product_reviews", "/product-reviews?product_id=2", &["review_service"]),
        Ready::post(
            "sync_data",
            "/data/sync",
            json!({ "source": "warehouse", "records": [{ "product": "2", "in_stock": 12 }] }),
            &["sync"],
        )
        .with_token(),
        Ready::post(
            "call_external_api",
            "/external/api-call",
            json!({ "resource": "exchange-rates" }),
            &["third_party"],
        )
        .with_token(),
        Ready::post("confirm_order", "/orders/1/confirm", json!({}), &["orders"]).with_token(),
        Ready::get("generate_complex_report", "/reports/complex?name=sales&months=3", &["reports"])
            .with_token(),
        Ready::get(
            "get_user_dashboard",
            "/user-dashboard",
            &["profile_service", "orders", "recommendation_service"],
        )
        .with_token(),
        Ready::post("create_order", "/orders", order.clone(), &["orders"]).with_token(),
        Ready::get("search_products", "/search?q=kettle", &["search"]),
        Ready::post(
            "create_express_order",
            "/orders/express",
            json!({ "user": "demo", "product": "3" }),
            &["orders"],
        )
        .with_token(),
        Ready::post("create_batch_orders", "/orders/batch", json!({ "orders": [order] }), &["orders"])
            .with_token(),
        Ready::post(
            "upload_data",
            "/api/data/upload",
            json!({ "name": "lantern.txt", "content": "Burns a night on one filling." }),
            &["content"],
        )
        .with_token(),
        Ready::get("public_search", "/public-api/search?q=compass", &["search"]).with_api_key(),
        Ready::post(
            "analyze_large_dataset",
            "/data/analysis",
            json!({ "dataset": "visits", "values": [3, 5, 8, 13] }),
            &["analytics"],
        )
        .with_token(),
        Ready::get(
            "get_product_details",
            "/product/2",
            &["catalog", "recommendation_service", "review_service", "inventory"],
        ),
        Ready::get("get_dynamic_content", "/dynamic-content?page=home", &["content"]).with_token(),
        Ready::post(
            "critical_operation",
            "/critical-operation",
            json!({ "operation": "close-the-month", "amount": 1 }),
            &["external_service"],
        )
        .with_token(),
        Ready::get(
            "get_user_profile",
            "/user-profile/demo",
            &["profile_service", "preferences_service", "activity_service"],
        )
        .with_token(),
        Ready::post(
            "ingest_events",
            "/api/events",
            json!({ "events": [{ "seen": "product", "id": "2" }] }),
            &["events"],
        )
        .with_api_key(),
        Ready::get("get_realtime_analytics", "/analytics/realtime", &["analytics"]),
    ]
}
