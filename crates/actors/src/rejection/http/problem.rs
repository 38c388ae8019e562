use std::time::Duration;

use axum_core::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::fields::retry_after;
use crate::clock::saturating_nanos;
use crate::rejection::{FieldProblem, FullReason, Rejection};

/// What a caller is told of a failure, as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Problem {
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
    /// A problem of which nothing but the status is told.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Problem { status, title: known.unwrap_or("Client Closed Request"), ..Problem::default() }
    }

    /// A refusal of ours: its policy, its name, when to try again, and the fields that are not valid.
    #[must_use]
    pub fn of_rejection(rejection: &Rejection) -> Self {
        let mut problem = Problem {
            policy: Some(rejection.policy()),
            name: Some(rejection.name().to_owned()).filter(|name| !name.is_empty()),
            ..Problem::of_status(rejection.http_status())
        };
        if let Rejection::Malformed { problems, .. } | Rejection::Invalid { problems, .. } = rejection {
            problem.errors.clone_from(problems);
        }
        let never = matches!(rejection, Rejection::Full { reason: FullReason::NeverFits, .. });
        let untimed = (problem.status == 503 && !never).then_some(UNTIMED);
        problem.after(rejection.retry_after().or(untimed))
    }

    /// The same with when to try again.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        // Rounded up, as the header is.
        self.retry_after_ms = wait.map(|wait| saturating_nanos(wait).div_ceil(1_000_000));
        self.wait = wait;
        self
    }

    /// The same with words for the caller.
    #[must_use]
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Problem { detail: Some(detail.into()), ..self }
    }

    /// The same with the id under which the log has more of it.
    #[must_use]
    pub fn logged_as(self, id: String) -> Self {
        Problem { id: Some(id), ..self }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether a policy of ours refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.policy.is_some()
    }

    /// As an answer, with `Retry-After` where there is a time to try again.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
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
