//! `#[derive(Classify)]`.
#![forbid(unsafe_code)]
#![warn(clippy::pedantic, missing_docs, unused)]

use std::io;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::{Classify as Classified, RejectionKind};

#[derive(Debug, Classify)]
enum PayError<E> {
    #[kind(timeout)]
    TooSlow,
    #[kind(validation_error)]
    #[expect(dead_code, reason = "its kind is all that is asked")]
    Declined {
        code: u16,
        reason: String,
    },
    #[kind(rate_limit, retry_after = 1)]
    #[expect(dead_code, reason = "its wait is all that is asked")]
    TooMany(u32, Option<Duration>),
    #[kind(transparent)]
    Network {
        cause: io::Error,
    },
    #[kind(transparent)]
    Inner(E),
    Rejected(Rejection),
    Other,
}

#[derive(Debug, Classified)]
#[kind(server_error)]
struct Broken;

#[derive(Debug, Classify)]
#[kind(transparent, crate = "::steadfast")]
struct Wrapped(String);

#[derive(Debug, Classify)]
enum Never {}

type Error = PayError<Broken>;

#[test]
fn each_variant_says_its_kind() {
    let declined = Error::Declined { code: 1, reason: String::new() };
    let network = Error::Network { cause: io::Error::from(io::ErrorKind::TimedOut) };
    assert_eq!(Error::TooSlow.kind(), ErrorKind::Timeout);
    assert_eq!(declined.kind(), ErrorKind::ValidationError);
    assert_eq!(network.kind(), ErrorKind::Timeout);
    assert_eq!(Error::Inner(Broken).kind(), ErrorKind::ServerError);
    assert_eq!(Error::Other.kind(), ErrorKind::Unknown);
    assert_eq!(Wrapped("HTTP 404".to_owned()).kind(), ErrorKind::NotFound);
    assert_eq!(Wrapped("HTTP 404".to_owned()).text(), Some("HTTP 404"));
    let none: Option<Never> = None;
    assert!(none.is_none_or(|never| never.kind() == ErrorKind::Unknown));
}

#[test]
fn a_wait_that_was_asked_for_is_told() {
    let wait = Duration::from_secs(7);
    assert_eq!(Error::TooMany(1, Some(wait)).retry_after(), Some(wait));
    assert_eq!(Error::TooMany(1, None).retry_after(), None);
    assert_eq!(Error::TooSlow.retry_after(), None);
}

#[test]
fn a_refusal_of_ours_stays_one_without_being_told_to() {
    let error = Error::Rejected(Rejection::timed_out("site", Duration::from_secs(1)));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.rejection().map(Rejection::kind), Some(RejectionKind::Timeout));
    assert!(Error::TooSlow.rejection().is_none());
}
