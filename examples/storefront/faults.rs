//! `PUT` and `DELETE /_faults/{backend}`, and `GET /_calls/{backend}`: what goes wrong, and what arrived.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::backends::fault::Fault;
use crate::backends::{Backend, Backends};

type Answer = (StatusCode, Json<Value>);

pub(crate) fn routes() -> Router {
    Router::new().route("/_faults/{backend}", put(set).delete(clear)).route("/_calls/{backend}", get(calls))
}

fn backend(name: &str) -> Result<&'static Backend, Answer> {
    let known = Backends::installed();
    known.and_then(|backends| backends.get(name)).ok_or_else(|| {
        let names: Vec<_> = known.into_iter().flat_map(Backends::names).collect();
        refused(StatusCode::NOT_FOUND, format!("no backend {name:?}; the backends are {}", names.join(", ")))
    })
}

fn refused(status: StatusCode, detail: String) -> Answer {
    (status, Json(json!({ "status": status.as_u16(), "detail": detail })))
}

async fn set(Path(name): Path<String>, body: String) -> Result<Json<Value>, Answer> {
    let backend = backend(&name)?;
    let fault: Fault = serde_json::from_str(&body)
        .map_err(|error| refused(StatusCode::BAD_REQUEST, format!("this is no fault: {error}")))?;
    let mistakes = fault.mistakes();
    if !mistakes.is_empty() {
        return Err(refused(StatusCode::BAD_REQUEST, mistakes.join("; ")));
    }
    backend.injector.set(fault);
    Ok(Json(json!({ "backend": name, "fault": backend.injector.fault() })))
}

async fn clear(Path(name): Path<String>) -> Result<Json<Value>, Answer> {
    let backend = backend(&name)?;
    backend.injector.set(Fault::default());
    Ok(Json(json!({ "backend": name, "fault": null })))
}

async fn calls(Path(name): Path<String>) -> Result<Json<Value>, Answer> {
    Ok(Json(json!({ "backend": name, "calls": backend(&name)?.injector.calls() })))
}
