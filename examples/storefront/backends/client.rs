//! How handlers call a backend. A failure becomes a text that tells its kind by its start, so that the layers around
//! the handler know what may be tried again:
//!
//! | what happened | the text | kind |
//! |---|---|---|
//! | nobody listens | `connection refused: ..` | connection_error |
//! | the connection broke | `connection lost: ..` | connection_error |
//! | an error's status | `HTTP 503: ..` | that of the status |
//! | an answer that cannot be read | `server error: ..` | server_error |

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::request::Builder;
use axum::http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use steadfast::deadline::Deadline;
use steadfast::idempotency;

use super::Backends;

type Http = Client<HttpConnector, Full<Bytes>>;

static HTTP: LazyLock<Http> = LazyLock::new(|| Client::builder(TokioExecutor::new()).build_http());

/// Gets `path` from a backend.
pub(crate) async fn get<T: DeserializeOwned>(backend: &str, path: &str) -> Result<T, String> {
    send(backend, Method::GET, path, Bytes::new()).await
}

/// Posts `body` to a backend.
pub(crate) async fn post<T: DeserializeOwned>(
    backend: &str,
    path: &str,
    body: &(impl Serialize + Sync),
) -> Result<T, String> {
    let body = serde_json::to_vec(body).map_err(|error| format!("validation error: {error}"))?;
    send(backend, Method::POST, path, body.into()).await
}

/// A text as one part of a path.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    let encoded = text
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    encoded.collect()
}

async fn send<T: DeserializeOwned>(
    backend: &str,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<T, String> {
    let address = Backends::installed()
        .and_then(|backends| backends.get(backend))
        .map(|backend| backend.address)
        .ok_or_else(|| format!("connection refused: the backend {backend} was not started"))?;
    let uri: Uri = format!("http://{address}{path}")
        .parse()
        .map_err(|error| format!("invalid input: {path:?} is no path: {error}"))?;
    read(backend, passing_on(Request::builder().method(method).uri(uri)), body).await
}

/// Sends a request as it is, and reads the answer.
pub(super) async fn read<T: DeserializeOwned>(
    backend: &str,
    request: Builder,
    body: Bytes,
) -> Result<T, String> {
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| format!("invalid input: {error}"))?;
    let response = HTTP.request(request).await.map_err(|error| {
        let what = if error.is_connect() { "connection refused" } else { "connection lost" };
        format!("{what}: {backend}: {error}")
    })?;
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(|error| format!("connection lost: {backend}: {error}"))?
        .to_bytes();
    if !status.is_success() {
        let told = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
        let told = told["error"].as_str().unwrap_or("no reason given").to_owned();
        return Err(format!("HTTP {}: {backend}: {told}", status.as_u16()));
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("server error: {backend}: {error}"))
}

/// What the backend must know of the call: how long its answer is wanted, and which run of it this is.
fn passing_on(request: Builder) -> Builder {
    let key = idempotency::current_key().map(|key| ("idempotency-key", key));
    Deadline::headers().chain(key).fold(request, |request, (name, value)| request.header(name, value))
}
