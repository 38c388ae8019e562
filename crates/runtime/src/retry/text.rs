use steadfast_actors::outcome::ErrorKind;

/// Phrases that name the caller's fault, or its going away. They are asked before [`PASSING`].
const LASTING: &[(&str, ErrorKind)] = &[
    ("validation error", ErrorKind::ValidationError),
    ("validation failed", ErrorKind::ValidationError),
    ("validation", ErrorKind::ValidationError),
    ("invalid input", ErrorKind::ValidationError),
    ("invalid argument", ErrorKind::ValidationError),
    ("invalid request", ErrorKind::ValidationError),
    ("invalid parameter", ErrorKind::ValidationError),
    ("invalid payload", ErrorKind::ValidationError),
    ("invalid value", ErrorKind::ValidationError),
    ("invalid json", ErrorKind::ValidationError),
    ("bad request", ErrorKind::ValidationError),
    ("not valid", ErrorKind::ValidationError),
    ("unprocessable", ErrorKind::ValidationError),
    ("missing field", ErrorKind::ValidationError),
    ("missing parameter", ErrorKind::ValidationError),
    ("unauthorized", ErrorKind::AuthenticationError),
    ("unauthenticated", ErrorKind::AuthenticationError),
    ("not authenticated", ErrorKind::AuthenticationError),
    ("authentication error", ErrorKind::AuthenticationError),
    ("authentication failed", ErrorKind::AuthenticationError),
    ("forbidden", ErrorKind::AuthorizationError),
    ("not allowed", ErrorKind::AuthorizationError),
    ("permission denied", ErrorKind::AuthorizationError),
    ("access denied", ErrorKind::AuthorizationError),
    ("authorization error", ErrorKind::AuthorizationError),
    ("authorization failed", ErrorKind::AuthorizationError),
    ("not found", ErrorKind::NotFound),
    ("conflict", ErrorKind::Conflict),
    ("already exists", ErrorKind::Conflict),
    ("cancelled", ErrorKind::Cancelled),
    ("canceled", ErrorKind::Cancelled),
];

/// Phrases that name a fault which may pass.
const PASSING: &[(&str, ErrorKind)] = &[
    ("timeout", ErrorKind::Timeout),
    ("timed out", ErrorKind::Timeout),
    ("request timeout", ErrorKind::Timeout),
    ("request timed out", ErrorKind::Timeout),
    ("operation timed out", ErrorKind::Timeout),
    ("connection timeout", ErrorKind::Timeout),
    ("connection timed out", ErrorKind::Timeout),
    ("gateway timeout", ErrorKind::Timeout),
    ("deadline exceeded", ErrorKind::Timeout),
    ("deadline has elapsed", ErrorKind::Timeout),
    ("connection error", ErrorKind::ConnectionError),
    ("connection failed", ErrorKind::ConnectionError),
    ("connection refused", ErrorKind::ConnectionError),
    ("connection reset", ErrorKind::ConnectionError),
    ("connection aborted", ErrorKind::ConnectionError),
    ("connection closed", ErrorKind::ConnectionError),
    ("connection lost", ErrorKind::ConnectionError),
    ("error trying to connect", ErrorKind::ConnectionError),
    ("tcp connect error", ErrorKind::ConnectionError),
    ("broken pipe", ErrorKind::ConnectionError),
    ("dns error", ErrorKind::ConnectionError),
    ("network error", ErrorKind::ConnectionError),
    ("network unreachable", ErrorKind::ConnectionError),
    ("network is unreachable", ErrorKind::ConnectionError),
    ("host unreachable", ErrorKind::ConnectionError),
    ("host is unreachable", ErrorKind::ConnectionError),
    ("no route to host", ErrorKind::ConnectionError),
    ("rate limit", ErrorKind::RateLimit),
    ("rate limited", ErrorKind::RateLimit),
    ("too many requests", ErrorKind::RateLimit),
    ("service unavailable", ErrorKind::Unavailable),
    ("temporarily unavailable", ErrorKind::Unavailable),
    ("unavailable", ErrorKind::Unavailable),
    ("overloaded", ErrorKind::Unavailable),
    ("internal server error", ErrorKind::ServerError),
    ("internal error", ErrorKind::ServerError),
    ("server error", ErrorKind::ServerError),
    ("bad gateway", ErrorKind::ServerError),
];

/// What follows the name of a field that is at fault: `timeout: must be positive` tells of a parameter, not of time.
const COMPLAINTS: &[&str] =
    &["must be", "must not", "cannot be", "can't be", "is required", "is missing", "is invalid", "is not a"];

/// Words that may stand between `HTTP` and its status.
const BEFORE_STATUS: &[&str] = &["status", "code", "server", "client", "error"];

/// The kind of an error that is nothing but a text.
///
/// | the text starts with | kind |
/// |---|---|
/// | `HTTP 503`, `HTTP/1.1 503`, `HTTP status 503`, `status: 503`, `503:`, `503 Service Unavailable` | that of the status ([`kind_of_status`]) |
/// | `validation error`, `invalid input`, `bad request`, `unauthorized`, `forbidden`, `not found`, `conflict` .. | the caller's fault of that name |
/// | `timeout`, `timed out`, `deadline exceeded` .. | timeout |
/// | `connection refused`, `broken pipe`, `dns error` .. | connection_error |
/// | `rate limit`, `too many requests` | rate_limit |
/// | `service unavailable`, `overloaded` .. | unavailable |
/// | `internal server error`, `bad gateway` .. | server_error |
/// | anything else | unknown |
///
/// Case does not matter, `_` and `-` are spaces, and one leading `error:` is passed over. Only the start counts, since
/// what stands further in may be echoed input. Where a text names both, the caller's fault wins: a call that is wrongly
/// given up costs one answer, a wrong one that is repeated costs its load on top. No text is ever taken for a refusal of
/// ours: a remote could write it.
///
/// # Example
/// ```
/// use steadfast::retry::kind_of_text;
/// use steadfast_actors::outcome::ErrorKind;
///
/// assert_eq!(kind_of_text("HTTP 503: try later"), ErrorKind::Unavailable);
/// assert_eq!(kind_of_text("validation error: `timed out` is no colour"), ErrorKind::ValidationError);
/// ```
#[must_use]
pub fn kind_of_text(text: &str) -> ErrorKind {
    let text = text.trim_start();
    kind_of_start(text)
        .or_else(|| after(text, "error").and_then(|rest| kind_of_start(rest.trim_start_matches([':', ' ']))))
        .unwrap_or(ErrorKind::Unknown)
}

/// The kind that an HTTP status is to whoever called. A status that is no error is `unknown`.
#[must_use]
pub fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 407 => ErrorKind::AuthenticationError,
        403 | 451 => ErrorKind::AuthorizationError,
        404 | 410 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        409 | 412 | 423 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimit,
        499 => ErrorKind::Cancelled,
        // 425: the server does not take it this early, and will.
        425 | 503 => ErrorKind::Unavailable,
        400..=498 => ErrorKind::ValidationError,
        500..=599 => ErrorKind::ServerError,
        _ => ErrorKind::Unknown,
    }
}

fn kind_of_start(text: &str) -> Option<ErrorKind> {
    if let Some((kind, _)) = longest(text, LASTING) {
        return Some(kind);
    }
    if let Some(status) = named_status(text).or_else(|| bare_status(text)) {
        return Some(kind_of_status(status));
    }
    let (kind, rest) = longest(text, PASSING)?;
    let rest = rest.trim_start_matches([':', ' ']);
    let tells_of_a_field = COMPLAINTS.iter().any(|complaint| after(rest, complaint).is_some())
        || longest(rest, LASTING).is_some_and(|(kind, _)| kind == ErrorKind::ValidationError);
    Some(if tells_of_a_field { ErrorKind::ValidationError } else { kind })
}

/// The longest phrase that `text` starts with, and what comes after it.
fn longest<'a>(text: &'a str, phrases: &[(&str, ErrorKind)]) -> Option<(ErrorKind, &'a str)> {
    phrases
        .iter()
        .filter_map(|(phrase, kind)| Some((*kind, after(text, phrase)?)))
        .min_by_key(|(_, rest)| rest.len())
}

/// What comes after `phrase`, where `text` starts with it and the phrase's last word ends there.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let start = text.as_bytes().get(..phrase.len())?;
    let same = start.iter().zip(phrase.as_bytes()).all(|(found, wanted)| match found {
        b'_' | b'-' => *wanted == b' ',
        found => found.eq_ignore_ascii_case(wanted),
    });
    // A phrase is ASCII, so what equals it ends at a character's boundary.
    let rest = text.get(phrase.len()..).filter(|_| same)?;
    (!rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')).then_some(rest)
}

/// `HTTP 503`, `HTTP/1.1 503`, `HTTP status server error (503 ..`, `status code: 503`
fn named_status(text: &str) -> Option<u16> {
    let mut rest = match after(text, "http") {
        Some(rest) => match rest.strip_prefix('/') {
            Some(version) => version.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'),
            None => rest,
        },
        None => after(text, "status")?,
    };
    for _ in 0..=BEFORE_STATUS.len() {
        rest = rest.trim_start_matches([' ', ':', '=']);
        match BEFORE_STATUS.iter().find_map(|word| after(rest, word)) {
            Some(further) => rest = further,
            None => break,
        }
    }
    status(rest.strip_prefix('(').unwrap_or(rest)).map(|(status, _)| status)
}

/// `503`, `503: ..`, `503 Service Unavailable`; not `500 rows were expected`.
fn bare_status(text: &str) -> Option<u16> {
    let (status, rest) = status(text)?;
    let reason = rest.trim_start();
    let agrees = |phrases| longest(reason, phrases).is_some_and(|(kind, _)| kind == kind_of_status(status));
    (reason.is_empty() || rest.starts_with(':') || agrees(LASTING) || agrees(PASSING)).then_some(status)
}

/// Three digits of an error's status, and what comes after them.
fn status(text: &str) -> Option<(u16, &str)> {
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let rest = text.get(3..).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))?;
    let status = digits.parse().ok().filter(|status| (400..=599).contains(status))?;
    Some((status, rest))
}
