use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use steadfast_actors::clock::{Entropy, saturating_nanos};
use steadfast_actors::rejection::{FieldProblem, FullReason, Rejection};

use super::fields::retry_after;
use crate::outcome::Judged;
use crate::pipeline::Identity;

/// What a caller is told of a failure, as `application/problem+json` (RFC 9457).
#[derive(Debug, Default, Serialize)]
pub(super) struct Problem {
    status: u16,
    title: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Which policy refused, by the name of its attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// What the log has more of.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip)]
    wait: Option<Duration>,
}

/// A refusal with 503 that names no time is worth another try a second later.
const UNTIMED: Duration = Duration::from_secs(1);

impl Problem {
    /// A problem of the request itself.
    pub(super) fn of_request(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem { detail: Some(detail.into()), ..Problem::plain(status.as_u16()) }
    }

    /// A refusal of ours.
    pub(super) fn of_rejection(rejection: &Rejection, place: &Identity) -> Self {
        let mut problem = Problem {
            policy: Some(rejection.policy()),
            name: Some(rejection.name().to_owned()).filter(|name| !name.is_empty()),
            ..Problem::plain(rejection.http_status())
        };
        if let Rejection::Malformed { problems, .. } | Rejection::Invalid { problems, .. } = rejection {
            problem.errors.clone_from(problems);
        }
        let never = matches!(rejection, Rejection::Full { reason: FullReason::NeverFits, .. });
        let untimed = (problem.status == 503 && !never).then_some(UNTIMED);
        problem.after(rejection.retry_after().or(untimed)).telling(&rejection.to_string(), place)
    }

    /// An error of a handler.
    pub(super) fn of_error(judged: &Judged, text: &str, place: &Identity) -> Self {
        Problem::plain(judged.kind.http_status()).after(judged.retry_after).telling(text, place)
    }

    /// A handler that panicked.
    pub(super) fn of_panic(panic: &(dyn std::any::Any + Send), place: &Identity) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let text = format!("panicked: {}", text.as_deref().unwrap_or("with something that is no text"));
        Problem::plain(500).telling(&text, place)
    }

    fn plain(status: u16) -> Self {
        let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Problem { status, title: known.unwrap_or("Client Closed Request"), ..Problem::default() }
    }

    fn after(mut self, wait: Option<Duration>) -> Self {
        // Rounded up, as the header is.
        self.retry_after_ms = wait.map(|wait| saturating_nanos(wait).div_ceil(1_000_000));
        self.wait = wait;
        self
    }

    /// What a caller did wrong is told the caller. What went wrong here may hold names and addresses of the house: that
    /// goes to the log, and the caller gets an id to ask by.
    fn telling(mut self, text: &str, place: &Identity) -> Self {
        if self.status < 500 {
            self.detail = Some(text.to_owned());
            return self;
        }
        let (id, place) = (format!("{:016x}", Entropy::system_seed()), place.path());
        if self.policy.is_some() && self.status != 500 {
            tracing::info!(id, place, status = self.status, problem = text, "refused");
        } else {
            tracing::error!(id, place, status = self.status, problem = text, "failed");
        }
        self.id = Some(id);
        self
    }

    pub(super) fn is_unauthenticated(&self) -> bool {
        self.status == 401
    }

    pub(super) fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.wait {
            headers.insert(header::RETRY_AFTER, retry_after(wait));
        }
        response
    }
}
