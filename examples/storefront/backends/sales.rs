//! What is bought: payments and orders. Both keep what they did, and do one thing once for each idempotency key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

type Answer = (StatusCode, Json<Value>);

/// Records by number, and which of them an idempotency key led to.
#[derive(Debug, Default)]
struct Ledger {
    records: BTreeMap<u64, Value>,
    by_key: BTreeMap<String, u64>,
}

type Shared = Arc<Mutex<Ledger>>;

fn lock(ledger: &Shared) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// The record that this key already led to, else a new one; `make` gets its number.
    fn once(&mut self, headers: &HeaderMap, make: impl FnOnce(u64) -> Value) -> Answer {
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        if let Some(known) =
            key.and_then(|key| self.by_key.get(key)).and_then(|number| self.records.get(number))
        {
            return (StatusCode::OK, Json(known.clone()));
        }
        let number = self.records.keys().next_back().map_or(1, |last| last + 1);
        let record = make(number);
        self.records.insert(number, record.clone());
        if let Some(key) = key {
            self.by_key.insert(key.to_owned(), number);
        }
        (StatusCode::CREATED, Json(record))
    }
}

fn refused(status: StatusCode, error: &str) -> Answer {
    (status, Json(json!({ "error": error })))
}

#[derive(Debug, Deserialize)]
struct Charge {
    amount: u64,
    currency: String,
}

pub(super) fn payments() -> Router {
    async fn charge(State(ledger): State<Shared>, headers: HeaderMap, Json(charge): Json<Charge>) -> Answer {
        if charge.amount == 0 {
            return refused(StatusCode::UNPROCESSABLE_ENTITY, "the amount must be more than zero");
        }
        lock(&ledger).once(&headers, |number| {
            let Charge { amount, currency } = charge;
            json!({ "id": number, "amount": amount, "currency": currency, "status": "captured" })
        })
    }
    async fn all(State(ledger): State<Shared>) -> Json<Vec<Value>> {
        Json(lock(&ledger).records.values().cloned().collect())
    }
    Router::new().route("/charges", post(charge).get(all)).with_state(Shared::default())
}

#[derive(Debug, Deserialize)]
struct NewOrder {
    user: String,
    product: String,
    #[serde(default = "one")]
    quantity: u32,
    #[serde(default)]
    express: bool,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
struct OfUser {
    user: Option<String>,
}

/// The latest orders that a list shows.
const MOST_SHOWN: usize = 5;

pub(super) fn orders() -> Router {
    let ledger = Shared::default();
    // An order to begin with, so that there is one to confirm.
    let first = json!({ "id": 1, "user": "demo", "product": "2", "quantity": 1, "status": "accepted" });
    lock(&ledger).records.insert(1, first);
    Router::new()
        .route("/orders", get(of_user).post(create))
        .route("/orders/{id}/confirm", post(confirm))
        .with_state(ledger)
}

async fn create(State(ledger): State<Shared>, headers: HeaderMap, Json(order): Json<NewOrder>) -> Answer {
    if order.quantity == 0 {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "the quantity must be more than zero");
    }
    lock(&ledger).once(&headers, |number| {
        let NewOrder { user, product, quantity, express } = order;
        json!({
            "id": number, "user": user, "product": product, "quantity": quantity, "express": express,
            "status": "accepted",
        })
    })
}

async fn confirm(State(ledger): State<Shared>, Path(id): Path<u64>) -> Answer {
    match lock(&ledger).records.get_mut(&id) {
        Some(order) => {
            order["status"] = json!("confirmed");
            // A confirmation is sent out each time: a caller that repeats it must know that it does.
            order["confirmations_sent"] = json!(order["confirmations_sent"].as_u64().unwrap_or(0) + 1);
            (StatusCode::OK, Json(order.clone()))
        }
        None => refused(StatusCode::NOT_FOUND, &format!("no order {id}")),
    }
}

async fn of_user(State(ledger): State<Shared>, Query(of): Query<OfUser>) -> Json<Vec<Value>> {
    let ledger = lock(&ledger);
    let wanted = |order: &&Value| of.user.as_deref().is_none_or(|user| order["user"] == user);
    Json(ledger.records.values().rev().filter(wanted).take(MOST_SHOWN).cloned().collect())
}
