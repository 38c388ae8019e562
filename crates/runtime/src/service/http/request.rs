use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::RawPathParams;
use axum::http::request::Parts;
use http_body_util::BodyExt as _;
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

/// How much of a body that is too long is taken and thrown away: a client that is still sending when its connection is
/// closed sees a broken connection, and never the answer that says why.
const DISCARDED: usize = 16 * 1024 * 1024;
/// For how long, at most.
const DISCARDED_FOR: Duration = Duration::from_secs(1);

/// Reads a body of at most `limit` bytes within `patience`. One that is too long is not kept; whoever `asked_first`
/// (`Expect: 100-continue`) waits for a word before it sends any of it.
pub(super) async fn body(
    mut body: Body,
    limit: usize,
    patience: Duration,
    asked_first: bool,
) -> Result<Vec<u8>, NoBody> {
    let says_so = body.size_hint().lower() > limit as u64;
    if says_so && asked_first {
        return Err(NoBody::TooLarge);
    }
    let taken = if says_so {
        Err(NoBody::TooLarge)
    } else {
        tokio::time::timeout(patience, kept(&mut body, limit)).await.unwrap_or(Err(NoBody::TooSlow))
    };
    if let Err(NoBody::TooLarge) = taken {
        // Whatever comes of it, the answer is the same.
        let _ = tokio::time::timeout(DISCARDED_FOR.min(patience), discarded(&mut body)).await;
    }
    taken
}

/// Up to `limit` bytes of a body. Beyond that nothing is kept.
async fn kept(body: &mut Body, limit: usize) -> Result<Vec<u8>, NoBody> {
    let mut taken = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
        if taken.len() + data.len() > limit {
            return Err(NoBody::TooLarge);
        }
        taken.extend_from_slice(&data);
    }
    Ok(taken)
}

/// Takes what is left of a body, up to [`DISCARDED`] bytes.
async fn discarded(body: &mut Body) {
    let mut taken = 0;
    while taken < DISCARDED
        && let Some(Ok(frame)) = body.frame().await
    {
        taken += frame.data_ref().map_or(0, |data| data.len());
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
