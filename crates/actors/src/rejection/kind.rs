use serde::{Deserialize, Serialize};

use crate::outcome::ErrorKind;

/// What sort of refusal it is. These words may stand in `retry_on`, `dont_retry_on` and `on` beside [`ErrorKind`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectionKind {
    /// A breaker is open, or half open with all probes out.
    Open,
    /// A bulkhead or throttle has no permit and no room to wait.
    Full,
    /// Load was shed.
    Shed,
    /// A quota is used up.
    RateLimited,
    /// A deadline of ours is over.
    Timeout,
    /// An idempotency key is in flight, unknown, or was used with another payload.
    Conflict,
    /// An actor could not be asked, a table is full, or the runtime shuts down.
    Unavailable,
    /// A name is declared in two ways, or a site cannot work as declared.
    Misconfigured,
    /// Who calls is not known.
    Unauthenticated,
    /// Who calls may not.
    Forbidden,
    /// The request is not valid.
    Invalid,
    /// A caller of a higher class took the permit while the call ran: it may have taken effect in part.
    Preempted,
}

impl RejectionKind {
    /// Every kind with its name in attributes, files and logs.
    pub const NAMES: [(&'static str, RejectionKind); 12] = [
        ("open", RejectionKind::Open),
        ("full", RejectionKind::Full),
        ("shed", RejectionKind::Shed),
        ("rate_limited", RejectionKind::RateLimited),
        ("timeout", RejectionKind::Timeout),
        ("conflict", RejectionKind::Conflict),
        ("unavailable", RejectionKind::Unavailable),
        ("misconfigured", RejectionKind::Misconfigured),
        ("unauthenticated", RejectionKind::Unauthenticated),
        ("forbidden", RejectionKind::Forbidden),
        ("invalid", RejectionKind::Invalid),
        ("preempted", RejectionKind::Preempted),
    ];

    /// The kind's name in attributes, files and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("unavailable", |(name, _)| name)
    }

    /// The error kind that this refusal is to whoever called.
    #[must_use]
    pub fn error_kind(self) -> ErrorKind {
        match self {
            RejectionKind::Open
            | RejectionKind::Full
            | RejectionKind::Preempted
            | RejectionKind::Shed
            | RejectionKind::Unavailable => ErrorKind::Unavailable,
            RejectionKind::RateLimited => ErrorKind::RateLimit,
            RejectionKind::Timeout => ErrorKind::Timeout,
            RejectionKind::Conflict => ErrorKind::Conflict,
            RejectionKind::Misconfigured => ErrorKind::ServerError,
            RejectionKind::Unauthenticated => ErrorKind::AuthenticationError,
            RejectionKind::Forbidden => ErrorKind::AuthorizationError,
            RejectionKind::Invalid => ErrorKind::ValidationError,
        }
    }
}

impl std::fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
