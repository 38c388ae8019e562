//! What is known of users: their profiles, likes, reviews and doings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) fn recommendations() -> Router {
    async fn of(Path(of): Path<String>) -> Json<Value> {
        Json(json!([
            { "product": "2", "name": "Storm kettle", "because": format!("{of} likes tea") },
            { "product": "3", "name": "Oilskin coat", "because": format!("{of} goes out in the rain") },
        ]))
    }
    Router::new().route("/recommendations/{of}", get(of))
}

type Documents = Arc<Mutex<BTreeMap<String, Value>>>;

/// A document for each key, which `PUT` replaces; `unless_known` makes that of a key without one.
fn documents(route: &str, unless_known: fn(&str) -> Value) -> Router {
    let read = move |State(known): State<Documents>, Path(key): Path<String>| async move {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        Json(known.get(&key).cloned().unwrap_or_else(|| unless_known(&key)))
    };
    let write = |State(known): State<Documents>, Path(key): Path<String>, Json(value): Json<Value>| async move {
        known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
        StatusCode::NO_CONTENT
    };
    Router::new().route(route, get(read).put(write)).with_state(Documents::default())
}

pub(super) fn reviews() -> Router {
    documents(
        "/reviews/{product}",
        |product| json!([{ "product": product, "stars": 5, "text": "Boils in a gale." }]),
    )
}

pub(super) fn profiles() -> Router {
    documents(
        "/profiles/{user}",
        |user| json!({ "user": user, "name": format!("Dear {user}"), "since": 2019 }),
    )
}

pub(super) fn preferences() -> Router {
    documents("/preferences/{user}", |_| json!({ "language": "en", "newsletter": false }))
}

pub(super) fn activity() -> Router {
    documents("/activity/{user}", |user| json!({ "events": [format!("{user} looked at the storm kettle")] }))
}
