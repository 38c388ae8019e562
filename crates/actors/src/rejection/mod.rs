//! Our own refusals.

#[cfg(feature = "tonic")]
mod grpc;
#[cfg(feature = "http")]
pub mod http;
mod kind;
mod name;
mod reason;

pub use kind::RejectionKind;
pub use name::{Name, Words};
pub use reason::{ConflictReason, FullReason, UnavailableReason};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limiter::Decision;
use crate::machine::Kind;

/// A field of a request that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's path, as `items[2].price`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// What a fallback came to that failed like the call it was to answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fallback failed too: {}", .0.0)]
pub struct FallbackFailed(Box<Why>);

/// A word in the refusal, wherever it is handed on: what few refusals have stands elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Why(Box<str>);

/// A refusal of ours: which policy, which name, why, and when to try again.
///
/// A handler's error type needs `From<Rejection>`; it is provided for `String`, `std::io::Error`, boxed and `anyhow`
/// errors, and behind features for `axum` responses and `tonic` statuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The breaker refuses calls.
    #[error("circuit breaker {name:?} is {state}{}", again(*retry_after))]
    #[non_exhaustive]
    Open {
        /// The breaker.
        name: Name,
        /// `open`, `half open with every probe out`, `forced open`
        state: &'static str,
        /// When the next probe may pass.
        retry_after: Option<Duration>,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// No permit.
    #[error("{policy} {name:?} {}{reason}{}{}", stands(*reason), in_line(*waiting, *waited), again(*retry_after))]
    #[non_exhaustive]
    Full {
        /// [`Kind::Bulkhead`] or [`Kind::Throttle`].
        policy: Kind,
        /// The pool.
        name: Name,
        /// Why.
        reason: FullReason,
        /// Callers that wait for a permit.
        waiting: u32,
        /// How long the refused one had waited.
        waited: Duration,
        /// When it is worth asking again.
        retry_after: Option<Duration>,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// Load was shed.
    #[error("{name:?} sheds load{}", again(*retry_after))]
    #[non_exhaustive]
    Shed {
        /// The shedder.
        name: Name,
        /// When it is worth asking again.
        retry_after: Option<Duration>,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// A quota is used up.
    #[error("rate limit {name:?} of {quota} is used up{}", again(*retry_after))]
    #[non_exhaustive]
    RateLimited {
        /// The limiter.
        name: Name,
        /// The quota in words, as `10 a minute`.
        quota: Name,
        /// When a call of the same cost is let in; `None` where it never can be.
        retry_after: Option<Duration>,
        /// How the quota stands, for the fields of an answer; `None` where only words are known.
        decision: Option<Decision>,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// A deadline is over.
    #[error("{name:?} did not answer within {}", crate::settings::format_duration(*limit))]
    #[non_exhaustive]
    TimedOut {
        /// The site, or the timeout's owner.
        name: Name,
        /// The time it had.
        limit: Duration,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// An idempotency key cannot be used now.
    #[error("idempotency store {name:?}: {}{}", reason, again(*retry_after))]
    #[non_exhaustive]
    Conflict {
        /// The store.
        name: Name,
        /// Why.
        reason: ConflictReason,
        /// When it is worth asking again.
        retry_after: Option<Duration>,
    },
    /// An actor could not decide, and the policy says to refuse then.
    #[error("{}", undecided(*policy, name, *reason))]
    #[non_exhaustive]
    Unavailable {
        /// Whose.
        policy: Kind,
        /// Its name.
        name: Name,
        /// Why.
        reason: UnavailableReason,
        /// When it is worth asking again.
        retry_after: Option<Duration>,
        /// What its fallback came to, where that failed too.
        #[source]
        fallback: Option<FallbackFailed>,
    },
    /// The declarations do not fit together.
    #[error("{name:?} is misconfigured: {problem}")]
    #[non_exhaustive]
    Misconfigured {
        /// The name or site at fault.
        name: Name,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Who calls is not known.
    #[error("not authenticated: {problem}")]
    #[non_exhaustive]
    Unauthenticated {
        /// What is missing or wrong, without the secret.
        problem: String,
    },
    /// Who calls may not.
    #[error("not allowed: {problem}")]
    #[non_exhaustive]
    Forbidden {
        /// What is missing.
        problem: String,
    },
    /// The request cannot be read.
    #[error("invalid request: {}", fields(.problems))]
    #[non_exhaustive]
    Malformed {
        /// Field by field.
        problems: Vec<FieldProblem>,
    },
    /// The request is not valid.
    #[error("not valid: {}", fields(.problems))]
    #[non_exhaustive]
    Invalid {
        /// Field by field.
        problems: Vec<FieldProblem>,
    },
}

fn undecided(policy: Kind, name: &str, reason: UnavailableReason) -> String {
    match reason {
        UnavailableReason::NotOnRecord | UnavailableReason::ShuttingDown => {
            format!("{name:?} is not taken on: {reason}")
        }
        reason => format!("{policy} {name:?} cannot decide: {reason}"),
    }
}

fn again(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!("; try again in {}", readable(wait)))
}

fn stands(reason: FullReason) -> &'static str {
    if reason == FullReason::Preempted { "was left before the call had ended: " } else { "is full: " }
}

fn in_line(waiting: u32, waited: Duration) -> String {
    let after = if waited.is_zero() { String::new() } else { format!(" after {}", readable(waited)) };
    let line = if waiting == 0 { String::new() } else { format!(", {waiting} in line") };
    after + &line
}

/// Milliseconds are precise enough for a person, and are rounded up so that who waits that long is let in.
fn readable(wait: Duration) -> String {
    let millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    crate::settings::format_duration(Duration::from_millis(millis))
}

fn fields(problems: &[FieldProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{}: {}", problem.field, problem.message))
        .collect::<Vec<_>>()
        .join("; ")
}

impl Rejection {
    /// The breaker `name` refuses.
    #[must_use]
    pub fn open(name: impl Into<Name>, state: &'static str, retry_after: Option<Duration>) -> Self {
        Rejection::Open { name: name.into(), state, retry_after, fallback: None }
    }

    /// The same refusal after its fallback failed too, `why` in a few words: an error's chain then tells both. A refusal
    /// that no fallback answers stays as it is.
    #[must_use]
    pub fn with_failed_fallback(mut self, why: impl Into<String>) -> Self {
        if let Rejection::Open { fallback, .. }
        | Rejection::Full { fallback, .. }
        | Rejection::Shed { fallback, .. }
        | Rejection::RateLimited { fallback, .. }
        | Rejection::TimedOut { fallback, .. }
        | Rejection::Unavailable { fallback, .. } = &mut self
        {
            *fallback = Some(FallbackFailed(Box::new(Why(why.into().into()))));
        }
        self
    }

    /// The pool `name` has no permit.
    #[must_use]
    pub fn full(
        policy: Kind,
        name: impl Into<Name>,
        reason: FullReason,
        retry_after: Option<Duration>,
    ) -> Self {
        let (waiting, waited) = (0, Duration::ZERO);
        Rejection::Full { policy, name: name.into(), reason, waiting, waited, retry_after, fallback: None }
    }

    /// The same refusal, with how many wait and how long the refused one did, where a pool refused.
    #[must_use]
    pub fn with_line(mut self, callers: u32, time: Duration) -> Self {
        if let Rejection::Full { waiting, waited, .. } = &mut self {
            (*waiting, *waited) = (callers, time);
        }
        self
    }

    /// `name` sheds load.
    #[must_use]
    pub fn shed(name: impl Into<Name>, retry_after: Option<Duration>) -> Self {
        Rejection::Shed { name: name.into(), retry_after, fallback: None }
    }

    /// The quota of `name` is used up.
    #[must_use]
    pub fn rate_limited(
        name: impl Into<Name>,
        quota: impl Into<Name>,
        retry_after: Option<Duration>,
    ) -> Self {
        let (name, quota) = (name.into(), quota.into());
        Rejection::RateLimited { name, quota, retry_after, decision: None, fallback: None }
    }

    /// The quota of `name` is used up, and stands so: all of it at once, for floods.
    #[cfg(feature = "host")]
    #[inline]
    pub(crate) fn of_quota(
        name: Words,
        quota: Words,
        standing: Decision,
        retry_after: Option<Duration>,
    ) -> Self {
        let (name, quota) = (name.into(), quota.into());
        Rejection::RateLimited { name, quota, retry_after, decision: Some(standing), fallback: None }
    }

    /// The same refusal, with how the quota stands where a quota refused.
    #[must_use]
    pub fn with_decision(mut self, standing: Decision) -> Self {
        if let Rejection::RateLimited { decision, .. } = &mut self {
            *decision = Some(standing);
        }
        self
    }

    /// `name` was given `limit` and is not done.
    #[must_use]
    pub fn timed_out(name: impl Into<Name>, limit: Duration) -> Self {
        Rejection::TimedOut { name: name.into(), limit, fallback: None }
    }

    /// An idempotency key cannot be used now.
    #[must_use]
    pub fn conflict(name: impl Into<Name>, reason: ConflictReason, retry_after: Option<Duration>) -> Self {
        Rejection::Conflict { name: name.into(), reason, retry_after }
    }

    /// The actor of `name` could not decide.
    #[must_use]
    pub fn unavailable(
        policy: Kind,
        name: impl Into<Name>,
        reason: UnavailableReason,
        retry_after: Option<Duration>,
    ) -> Self {
        Rejection::Unavailable { policy, name: name.into(), reason, retry_after, fallback: None }
    }

    /// `name` cannot work as declared.
    #[must_use]
    pub fn misconfigured(name: impl Into<Name>, problem: impl Into<String>) -> Self {
        Rejection::Misconfigured { name: name.into(), problem: problem.into() }
    }

    /// Who calls is not known.
    #[must_use]
    pub fn unauthenticated(problem: impl Into<String>) -> Self {
        Rejection::Unauthenticated { problem: problem.into() }
    }

    /// Who calls may not.
    #[must_use]
    pub fn forbidden(problem: impl Into<String>) -> Self {
        Rejection::Forbidden { problem: problem.into() }
    }

    /// The request cannot be read: a parameter is missing, or the payload is not what the handler takes.
    #[must_use]
    pub fn malformed(problems: Vec<FieldProblem>) -> Self {
        Rejection::Malformed { problems }
    }

    /// The request is not valid.
    #[must_use]
    pub fn invalid(problems: Vec<FieldProblem>) -> Self {
        Rejection::Invalid { problems }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        match self {
            Rejection::Open { .. } => RejectionKind::Open,
            Rejection::Full { reason: FullReason::Preempted, .. } => RejectionKind::Preempted,
            Rejection::Full { .. } => RejectionKind::Full,
            Rejection::Shed { .. } => RejectionKind::Shed,
            Rejection::RateLimited { .. } => RejectionKind::RateLimited,
            Rejection::TimedOut { .. } => RejectionKind::Timeout,
            Rejection::Conflict { .. } => RejectionKind::Conflict,
            Rejection::Unavailable { .. } => RejectionKind::Unavailable,
            Rejection::Misconfigured { .. } => RejectionKind::Misconfigured,
            Rejection::Unauthenticated { .. } => RejectionKind::Unauthenticated,
            Rejection::Forbidden { .. } => RejectionKind::Forbidden,
            Rejection::Malformed { .. } | Rejection::Invalid { .. } => RejectionKind::Invalid,
        }
    }

    /// Which policy refused, by the name of its attribute; `shutdown`, `configuration` and `request` have none.
    #[must_use]
    pub fn policy(&self) -> &'static str {
        match self {
            Rejection::Open { .. } => "circuit_breaker",
            Rejection::Unavailable { reason: UnavailableReason::NotOnRecord, .. } => "audit_log",
            Rejection::Unavailable { reason: UnavailableReason::ShuttingDown, .. } => "shutdown",
            Rejection::Full { policy, .. } | Rejection::Unavailable { policy, .. } => match policy {
                Kind::Breaker => "circuit_breaker",
                Kind::Bulkhead => "bulkhead",
                Kind::Throttle => "throttle",
                Kind::Limiter => "rate_limit",
                Kind::Idempotency => "idempotent",
                Kind::Adaptive => "adaptive_timeout",
                Kind::Hedge => "hedge",
                Kind::Shed => "shed",
                Kind::Brownout => "degrade_gracefully",
            },
            Rejection::Shed { .. } => "shed",
            Rejection::RateLimited { .. } => "rate_limit",
            Rejection::TimedOut { .. } => "timeout",
            Rejection::Conflict { .. } => "idempotent",
            Rejection::Misconfigured { .. } => "configuration",
            Rejection::Unauthenticated { .. } | Rejection::Forbidden { .. } => "require_auth",
            Rejection::Malformed { .. } => "request",
            Rejection::Invalid { .. } => "validate",
        }
    }

    /// The name of the breaker, pool, limiter, store or site that refused; empty where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Rejection::Open { name, .. }
            | Rejection::Full { name, .. }
            | Rejection::Shed { name, .. }
            | Rejection::RateLimited { name, .. }
            | Rejection::TimedOut { name, .. }
            | Rejection::Conflict { name, .. }
            | Rejection::Unavailable { name, .. }
            | Rejection::Misconfigured { name, .. } => name,
            Rejection::Unauthenticated { .. }
            | Rejection::Forbidden { .. }
            | Rejection::Malformed { .. }
            | Rejection::Invalid { .. } => "",
        }
    }

    /// When it is worth trying again; who waits that long is let in, or meets a new decision.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Rejection::Open { retry_after, .. }
            | Rejection::Full { retry_after, .. }
            | Rejection::Shed { retry_after, .. }
            | Rejection::RateLimited { retry_after, .. }
            | Rejection::Conflict { retry_after, .. }
            | Rejection::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// How the quota stands that refused, where one did.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Rejection::RateLimited { decision, .. } => *decision,
            _ => None,
        }
    }

    /// The HTTP status it becomes.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Rejection::RateLimited { .. } => 429,
            Rejection::TimedOut { .. } => 504,
            Rejection::Conflict { reason, .. } => match reason {
                ConflictReason::OtherPayload => 422,
                ConflictReason::BadKey => 400,
                _ => 409,
            },
            Rejection::Open { .. }
            | Rejection::Full { .. }
            | Rejection::Shed { .. }
            | Rejection::Unavailable { .. } => 503,
            Rejection::Misconfigured { .. } => 500,
            Rejection::Unauthenticated { .. } => 401,
            Rejection::Forbidden { .. } => 403,
            Rejection::Malformed { .. } => 400,
            Rejection::Invalid { .. } => 422,
        }
    }
}

impl From<Rejection> for String {
    fn from(rejection: Rejection) -> Self {
        rejection.to_string()
    }
}

impl From<Rejection> for std::io::Error {
    fn from(rejection: Rejection) -> Self {
        let kind = match rejection.kind() {
            RejectionKind::Timeout => std::io::ErrorKind::TimedOut,
            RejectionKind::Invalid => std::io::ErrorKind::InvalidInput,
            RejectionKind::Unauthenticated | RejectionKind::Forbidden => std::io::ErrorKind::PermissionDenied,
            RejectionKind::Conflict => std::io::ErrorKind::AlreadyExists,
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, rejection)
    }
}
