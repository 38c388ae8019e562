use std::time::{Duration, UNIX_EPOCH};

use steadfast_actors::clock::WallTime;

use crate::deadline::LEAST_LEFT;

/// Reads `Retry-After`: delta seconds or an HTTP date, which is measured against `now`.
///
/// `None` where it says nothing to go by: zero, a date in the past, anything malformed, a number that 64 bits cannot
/// hold. The caller's own backoff applies then; a dependency's bad header is no reason to fail a call.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use steadfast::retry::parse_retry_after;
/// use steadfast_actors::clock::WallTime;
///
/// let now = WallTime::from_nanos(784_111_777_000_000_000); // Sun, 06 Nov 1994 08:49:37 GMT
/// assert_eq!(parse_retry_after("120", now), Some(Duration::from_secs(120)));
/// assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(Duration::from_secs(3)));
/// assert_eq!(parse_retry_after("1e3", now), None);
/// ```
#[must_use]
pub fn parse_retry_after(value: &str, now: WallTime) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().ok()?)
    } else {
        let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
        date.checked_sub(Duration::from_nanos(now.as_nanos()))?
    };
    (!wait.is_zero()).then_some(wait)
}

/// What comes between a failed run and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// This wait.
    For(Duration),
    /// The server asks for more than this call waits: it ends now, and passes on when to try again.
    AskedTooLong(Duration),
    /// No run could follow before the call's deadline: it ends now with the last error.
    NoTimeLeft,
}

/// Weighs the `own` backoff against what a server (or a refusal of ours) asked for.
///
/// A `retry_after` is never undercut: it is waited for where it is at most `max_delay` and leaves time for an attempt
/// within `left`, the call's remaining time (`None`: no end), and never less than the own backoff.
#[must_use]
pub fn next_wait(
    own: Duration,
    retry_after: Option<Duration>,
    max_delay: Duration,
    left: Option<Duration>,
) -> Wait {
    let leaves = |wait: Duration, least: Duration| left.is_none_or(|left| left.saturating_sub(wait) >= least);
    if let Some(asked) = retry_after.filter(|asked| !asked.is_zero())
        && (asked > max_delay || !leaves(asked, LEAST_LEFT))
    {
        return Wait::AskedTooLong(asked);
    }
    let wait = retry_after.unwrap_or_default().max(own);
    if leaves(wait, Duration::from_nanos(1)) { Wait::For(wait) } else { Wait::NoTimeLeft }
}
