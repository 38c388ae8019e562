//! What is computed, reported and passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) fn operations() -> Router {
    async fn run(Json(operation): Json<Value>) -> Json<Value> {
        Json(json!({ "status": "done", "operation": operation["operation"] }))
    }
    Router::new().route("/operations", post(run))
}

pub(super) fn sync() -> Router {
    async fn sync(Json(request): Json<Value>) -> Json<Value> {
        let records = request["records"].as_array().map_or(0, Vec::len);
        Json(json!({ "source": request["source"], "synchronized": records }))
    }
    Router::new().route("/sync", post(sync))
}

pub(super) fn third_party() -> Router {
    async fn call(Json(request): Json<Value>) -> Json<Value> {
        Json(json!({ "echo": request }))
    }
    Router::new().route("/call", post(call))
}

pub(super) fn reports() -> Router {
    async fn report(Json(request): Json<Value>) -> Json<Value> {
        Json(json!({ "report": request["name"], "rows": 42, "total": 120_000 }))
    }
    Router::new().route("/reports", post(report))
}

pub(super) fn analytics() -> Router {
    async fn realtime() -> Json<Value> {
        Json(json!({ "visitors": 17, "orders_a_minute": 3 }))
    }
    async fn analysis(Json(request): Json<Value>) -> Json<Value> {
        let values: Vec<f64> =
            request["values"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let mean = values.iter().sum::<f64>() / (values.len().max(1) as f64);
        Json(json!({ "dataset": request["dataset"], "count": values.len(), "mean": mean }))
    }
    Router::new().route("/realtime", get(realtime)).route("/analysis", post(analysis))
}

pub(super) fn events() -> Router {
    async fn ingest(
        State(stored): State<Arc<AtomicU64>>,
        Json(batch): Json<Value>,
    ) -> (StatusCode, Json<Value>) {
        let accepted = batch["events"].as_array().map_or(0, Vec::len) as u64;
        let stored = stored.fetch_add(accepted, Ordering::Relaxed) + accepted;
        (StatusCode::ACCEPTED, Json(json!({ "accepted": accepted, "stored": stored })))
    }
    Router::new().route("/events", post(ingest)).with_state(Arc::new(AtomicU64::new(0)))
}
