use serde::{Deserialize, Serialize};

/// What sort of error a dependency, or we ourselves, answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    ConnectionError,
    /// The dependency's own limit (429).
    RateLimit,
    /// The dependency failed (5xx other than the next).
    ServerError,
    /// The dependency, or a guard in front of it, takes no calls now (503).
    Unavailable,
    /// Who calls is not known (401).
    AuthenticationError,
    /// Who calls may not (403).
    AuthorizationError,
    /// What was asked makes no sense (400, 422).
    ValidationError,
    /// What was asked for does not exist (404).
    NotFound,
    /// What was asked contradicts the present state (409).
    Conflict,
    /// The caller went away.
    Cancelled,
    /// Nothing is known of it. Handled as the dependency's fault.
    Unknown,
}

impl ErrorKind {
    /// Every kind with its name in attributes, files and logs.
    pub const NAMES: [(&'static str, ErrorKind); 12] = [
        ("timeout", ErrorKind::Timeout),
        ("connection_error", ErrorKind::ConnectionError),
        ("rate_limit", ErrorKind::RateLimit),
        ("server_error", ErrorKind::ServerError),
        ("unavailable", ErrorKind::Unavailable),
        ("authentication_error", ErrorKind::AuthenticationError),
        ("authorization_error", ErrorKind::AuthorizationError),
        ("validation_error", ErrorKind::ValidationError),
        ("not_found", ErrorKind::NotFound),
        ("conflict", ErrorKind::Conflict),
        ("cancelled", ErrorKind::Cancelled),
        ("unknown", ErrorKind::Unknown),
    ];

    /// The kind's name in attributes, files and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("unknown", |(name, _)| name)
    }

    /// What this kind says of the dependency's health, where a breaker was told nothing else.
    #[must_use]
    pub fn health(self) -> Health {
        match self {
            ErrorKind::Timeout
            | ErrorKind::ConnectionError
            | ErrorKind::ServerError
            | ErrorKind::Unavailable
            | ErrorKind::Unknown => Health::Failure,
            // The dependency answered, and rightly so.
            ErrorKind::AuthenticationError
            | ErrorKind::AuthorizationError
            | ErrorKind::ValidationError
            | ErrorKind::NotFound
            | ErrorKind::Conflict => Health::Success,
            // A limit is a choice of the dependency, a cancel one of the caller: neither shows health.
            ErrorKind::RateLimit | ErrorKind::Cancelled => Health::Neutral,
        }
    }

    /// The HTTP status that a handler's error of this kind becomes.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            ErrorKind::Timeout => 504,
            ErrorKind::ConnectionError => 502,
            ErrorKind::RateLimit => 429,
            ErrorKind::Unavailable => 503,
            ErrorKind::AuthenticationError => 401,
            ErrorKind::AuthorizationError => 403,
            ErrorKind::ValidationError => 400,
            ErrorKind::NotFound => 404,
            ErrorKind::Conflict => 409,
            ErrorKind::Cancelled => 499,
            ErrorKind::ServerError | ErrorKind::Unknown => 500,
        }
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an outcome says of a dependency's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// Nothing can be told: not counted, and a probe's slot is given back.
    Neutral,
}
