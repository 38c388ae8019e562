use std::time::Duration;

use crate::limiter::Decision;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Whole seconds, rounded up: who waits that long is not refused again for having come a moment early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// `Retry-After` in whole seconds, rounded up; at least 1, since 0 would make a loop without a pause.
#[must_use]
pub fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(whole_seconds(wait).max(1))
}

/// `RateLimit-Policy` and `RateLimit` of one limiter, where more is left than now after `reset_after`.
pub fn add_rate_limit(headers: &mut HeaderMap, name: &str, decision: Decision, reset_after: Duration) {
    let Decision { remaining, limit, window, .. } = decision;
    let name = quoted(name);
    let policy = format!("{name};q={limit};w={}", whole_seconds(window));
    let state = format!("{name};r={remaining};t={}", whole_seconds(reset_after));
    for (field, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        // Quoted names are visible ASCII, so there is no value that is none.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(field), value);
        }
    }
}

/// A text as a string of RFC 9651.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds_and_is_never_zero() {
        for (millis, seconds) in [(0, "1"), (200, "1"), (1_000, "1"), (4_001, "5"), (5_001, "6")] {
            assert_eq!(retry_after(Duration::from_millis(millis)), seconds);
        }
        assert_eq!(retry_after(Duration::MAX), u64::MAX.to_string());
        assert_eq!(retry_after(Duration::new(4, 100_000)), "5");
    }

    #[test]
    fn all_fields_are_of_one_policy() {
        let mut headers = HeaderMap::new();
        let decision =
            Decision { remaining: 3, limit: 10, window: Duration::from_secs(60), more_at: Time::MAX };
        add_rate_limit(&mut headers, "by \"user\"\u{e9}\n", decision, Duration::from_millis(41_001));
        assert_eq!(headers["ratelimit-policy"], r#""by \"user\"??";q=10;w=60"#);
        assert_eq!(headers["ratelimit"], r#""by \"user\"??";r=3;t=42"#);
    }
}
