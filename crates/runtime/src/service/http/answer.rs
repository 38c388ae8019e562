use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::rejection::http::{Problem, add_rate_limit};

use super::problem;
use crate::pipeline::{Call, Identity};
use crate::service::RpcResponse;
use crate::service::contract::Reply;

/// How a message is framed is the server's affair.
const OF_THE_CONNECTION: [&str; 7] =
    ["connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer"];

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// What the caller of `root` gets; `place` is for the log.
pub(super) fn answer(root: &Call, reply: Reply, place: &Identity) -> Response {
    match reply {
        Reply::Answer(answer) => telling_limits(root, None, sent(root, &answer)),
        Reply::Failed { judged, text } => {
            let met = judged.text.as_deref().and_then(|text| root.trail().refusal_that_reads(text));
            match judged.rejection.clone().or(met) {
                Some(rejection) => refused(root, &rejection, place),
                None => problem(root, problem::of_error(&judged, &text, place)),
            }
        }
        Reply::Response(response) => match response.extensions().get().cloned() {
            Some(rejection) => refused(root, &rejection, place),
            None => telling_limits(root, None, *response),
        },
    }
}

fn refused(root: &Call, rejection: &Rejection, place: &Identity) -> Response {
    telling_limits(root, Some(rejection), told(root, problem::of_rejection(rejection, place)))
}

/// A problem that no quota is the reason of.
pub(super) fn problem(root: &Call, problem: Problem) -> Response {
    telling_limits(root, None, told(root, problem))
}

/// Adds how the limiter stands that refused, else the one that is closest to refusing: whatever becomes of a call, its
/// caller learns what is left.
fn telling_limits(root: &Call, refused: Option<&Rejection>, mut response: Response) -> Response {
    let decided = refused.and_then(|rejection| Some((rejection.name().to_owned(), rejection.decision()?)));
    let tightest = || root.trail().tightest_limit().map(|noted| (noted.name, noted.decision));
    if let Some((name, decision)) = decided.or_else(tightest) {
        let reset_after = decision.reset_after(root.runtime.clock().now());
        add_rate_limit(response.headers_mut(), &name, decision, reset_after);
    }
    response
}

fn told(root: &Call, problem: Problem) -> Response {
    let unauthenticated = problem.status() == 401;
    let mut response = problem.into_response();
    if unauthenticated {
        for challenge in root.runtime.authentication().authenticators.challenges() {
            if let Ok(challenge) = HeaderValue::from_str(challenge) {
                response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
        }
    }
    response
}

fn sent(root: &Call, answer: &RpcResponse) -> Response {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let has_body = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    let body = if has_body { Body::from(answer.body().to_owned()) } else { Body::empty() };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer.headers() {
        add(headers, name, value);
    }
    if has_body && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if answer.code() != 0 {
        headers.insert(HeaderName::from_static("rpc-code"), HeaderValue::from(answer.code()));
    }
    if answer.is_degraded() || root.is_degraded() {
        headers.insert(HeaderName::from_static("degraded"), TRUE);
    }
    if answer.is_replayed() || root.trail().is_replayed() {
        headers.insert(HeaderName::from_static("idempotency-replayed"), TRUE);
    }
    response
}

/// A header of the handler's; one that is none is left out, and said.
fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    if OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return;
    }
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(value)) => {
            headers.append(name, value);
        }
        _ => tracing::warn!(header = name, "a handler's header is not one and was left out"),
    }
}
