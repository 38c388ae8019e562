use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::RawPathParams;
use axum::http::request::Parts;
use http_body_util::LengthLimitError;
use hyper::body::Body as _;

use crate::service::contract::Route;
use crate::service::message::{Message, MessageBuilder};

/// Why there is no body.
#[derive(Debug)]
pub(super) enum NoBody {
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads a body of at most `limit` bytes within `patience`.
pub(super) async fn body(body: Body, limit: usize, patience: Duration) -> Result<Vec<u8>, NoBody> {
    // One that says that it is too long is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(NoBody::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Vec::new());
    }
    match tokio::time::timeout(patience, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            Err(NoBody::TooLarge)
        }
        Ok(Err(_)) => Err(NoBody::Broken),
        Err(_) => Err(NoBody::TooSlow),
    }
}

/// What is known of a request before its body has come: route, addresses, headers.
pub(super) fn head(route: &Route, parts: &Parts, addresses: Option<(IpAddr, IpAddr)>) -> MessageBuilder {
    let mut builder = Message::builder().route(route.method(), route.path());
    if let Some((peer, client)) = addresses {
        builder = builder.ip(peer).client(client);
    }
    for (name, value) in &parts.headers {
        builder = builder.header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    builder
}

/// A request as its handler sees it.
pub(super) fn message(
    head: MessageBuilder,
    route: &Route,
    parts: &Parts,
    parameters: &RawPathParams,
    body: Vec<u8>,
) -> Message {
    let mut builder = head.body(body);
    // The router knows parameters by their place: two methods of one path may name them differently.
    let names = route.path().split('/').filter_map(|segment| segment.strip_prefix(':'));
    for (name, (_, value)) in names.zip(parameters) {
        builder = builder.path_param(name, value);
    }
    for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        builder = builder.query_param(name, value);
    }
    builder.build()
}
