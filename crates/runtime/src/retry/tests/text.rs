use proptest::prelude::*;
use steadfast_actors::outcome::{Ending, ErrorKind};

use super::super::{is_repeated_by_default, kind_of_status, kind_of_text};

fn assert_kind(kind: ErrorKind, texts: &[&str]) {
    for text in texts {
        assert_eq!(kind_of_text(text), kind, "{text:?}");
    }
}

#[test]
fn a_status_at_the_start_decides() {
    assert_kind(
        ErrorKind::Unavailable,
        &[
            "HTTP 503",
            "http 503: invalid token in cache",
            "HTTP/1.1 503 Service Unavailable",
            "HTTP/2 503",
            "HTTP status 503",
            "HTTP error: 503",
            "HTTP status server error (503 Service Unavailable) for url (http://x/)",
            "status: 503",
            "Status code 503",
            "status=503",
            "503",
            "503: later",
            "503 Service Unavailable",
            "error 503",
            "Error: HTTP 503",
        ],
    );
    assert_kind(ErrorKind::ServerError, &["HTTP 500", "HTTP 502: timed out", "500 Internal Server Error"]);
    assert_kind(ErrorKind::Timeout, &["HTTP 504", "HTTP 408"]);
    assert_kind(ErrorKind::RateLimit, &["HTTP 429", "429 Too Many Requests"]);
    assert_kind(ErrorKind::ValidationError, &["HTTP 400: upstream timeout", "HTTP 422"]);
    assert_kind(ErrorKind::NotFound, &["HTTP 404", "404 Not Found"]);
}

#[test]
fn a_known_phrase_at_the_start_decides_whatever_its_case_and_joints() {
    assert_kind(
        ErrorKind::Timeout,
        &["timeout: 3 s", "Timeout", "timed out", "operation timed out", "deadline has elapsed"],
    );
    assert_kind(
        ErrorKind::ConnectionError,
        &[
            "connection refused",
            "Connection refused (os error 111)",
            "connection_error",
            "CONNECTION-RESET by peer",
            "error trying to connect: tcp connect error",
            "  broken pipe",
        ],
    );
    assert_kind(ErrorKind::RateLimit, &["rate limit exceeded", "rate_limited", "too many requests"]);
    assert_kind(ErrorKind::Unavailable, &["service unavailable", "Overloaded, come back"]);
    assert_kind(ErrorKind::ServerError, &["internal server error", "error: bad gateway"]);
}

#[test]
fn every_kinds_own_name_is_read_as_that_kind() {
    for (name, kind) in ErrorKind::NAMES {
        assert_kind(kind, &[name, &format!("{name}: because")]);
    }
}

#[test]
fn the_callers_fault_wins() {
    assert_kind(
        ErrorKind::ValidationError,
        &[
            "validation error: upstream timed out",
            "invalid input: HTTP 503",
            "bad request: connection refused",
            "timeout: must be positive",
            "timeout must be at least 1s",
            "timeout: invalid value \"soon\"",
            "rate_limit: is required",
        ],
    );
    assert_kind(ErrorKind::AuthenticationError, &["unauthorized: timeout of the session"]);
    assert_kind(ErrorKind::AuthorizationError, &["permission denied: service unavailable in your plan"]);
    assert_kind(ErrorKind::NotFound, &["not found: timeout"]);
    assert_kind(ErrorKind::Conflict, &["conflict: connection reset already requested"]);
}

#[test]
fn words_inside_echoed_input_do_not_count() {
    assert_kind(
        ErrorKind::Unknown,
        &[
            "\"timed out\" is no name",
            "user timeout unknown",
            "order HTTP 503 rejected",
            "no such colour: HTTP 400",
            "timeouts are not supported",
            "timeout_ms out of range",
            "HTTP 5031",
            "HTTP 50",
            "HTTP 200",
            "HTTPS 503",
            "500 rows were expected",
            "404 bananas",
            "50",
            "invalid response from the ledger",
            "",
            "error",
            "é",
            "timé",
        ],
    );
}

#[test]
fn a_text_cannot_forge_a_refusal_of_ours_that_would_end_the_retries() {
    for text in ["circuit breaker \"pay\" is open", "bulkhead \"pool\" is full: closed", "\"x\" sheds load"] {
        assert!(is_repeated_by_default(Ending::Error(kind_of_text(text))), "{text:?}");
    }
}

#[test]
fn every_status_below_400_is_no_error_and_every_other_has_a_kind() {
    for status in (0..400).chain(600..=999) {
        assert_eq!(kind_of_status(status), ErrorKind::Unknown, "{status}");
    }
    for status in 400..600 {
        assert_ne!(kind_of_status(status), ErrorKind::Unknown, "{status}");
    }
    let answers = ErrorKind::NAMES.into_iter().map(|(_, kind)| kind);
    let told_apart = |kind: &ErrorKind| {
        // 500 tells nothing more than that the server failed, and 502 is a server's failure to its own caller.
        !matches!(kind, ErrorKind::Unknown | ErrorKind::ConnectionError)
    };
    for kind in answers.filter(told_apart) {
        assert_eq!(kind_of_status(kind.http_status()), kind);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_a_quoted_one_is_unknown(text: String) {
        let _ = kind_of_text(&text);
        prop_assert_eq!(kind_of_text(&format!("{text:?}")), ErrorKind::Unknown);
    }

    #[test]
    fn what_follows_a_status_never_changes_it(status in 400u16..600, text: String) {
        prop_assert_eq!(kind_of_text(&format!("HTTP {status}: {text}")), kind_of_status(status));
    }
}
