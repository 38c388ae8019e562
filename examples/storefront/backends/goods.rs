//! What the shop sells, and what it shows.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize)]
struct Product {
    id: &'static str,
    name: &'static str,
    price: u64,
    description: &'static str,
}

/// Prices are in cents.
const PRODUCTS: [Product; 4] = [
    Product { id: "1", name: "Ship's lantern", price: 4_900, description: "Burns a night on one filling." },
    Product { id: "2", name: "Storm kettle", price: 6_500, description: "Boils a litre in a gale." },
    Product { id: "3", name: "Oilskin coat", price: 12_900, description: "Keeps the rain where it belongs." },
    Product { id: "7", name: "Brass compass", price: 8_900, description: "Points north, steadily." },
];

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
}

pub(super) fn search() -> Router {
    async fn search(Query(wanted): Query<Wanted>) -> Json<Vec<&'static Product>> {
        let words = wanted.q.to_lowercase();
        Json(PRODUCTS.iter().filter(|product| product.name.to_lowercase().contains(&words)).collect())
    }
    Router::new().route("/search", get(search))
}

pub(super) fn catalog() -> Router {
    async fn product(Path(id): Path<String>) -> Result<Json<&'static Product>, (StatusCode, Json<Value>)> {
        let found = PRODUCTS.iter().find(|product| product.id == id);
        let unknown = || (StatusCode::NOT_FOUND, Json(json!({ "error": format!("no product {id}") })));
        found.map(Json).ok_or_else(unknown)
    }
    Router::new().route("/products/{id}", get(product))
}

pub(super) fn inventory() -> Router {
    async fn stock(Path(id): Path<String>) -> Json<Value> {
        Json(json!({ "product": id, "in_stock": 12, "next_delivery": "Thursday" }))
    }
    Router::new().route("/stock/{id}", get(stock))
}

pub(super) fn content() -> Router {
    async fn page(Path(page): Path<String>) -> Json<Value> {
        Json(json!({ "page": page, "headline": "Ready for any weather", "blocks": ["lanterns", "coats"] }))
    }
    async fn upload(Json(upload): Json<Value>) -> (StatusCode, Json<Value>) {
        let bytes = upload["content"].as_str().map_or(0, str::len);
        (StatusCode::CREATED, Json(json!({ "stored": upload["name"], "bytes": bytes })))
    }
    Router::new().route("/pages/{page}", get(page)).route("/uploads", post(upload))
}
