use std::time::Duration;

use super::Classify;
use steadfast_actors::idempotency::Codec;
use steadfast_actors::outcome::{Ending, ErrorKind};
use steadfast_actors::rejection::Rejection;

/// What a handler may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Result`, so it cannot carry a refusal",
    label = "an annotated handler returns `Result<T, E>` with `E: From<steadfast::Rejection>`"
)]
pub trait Answer {
    /// The `T` of the `Result`.
    type Ok;
    /// The `E` of the `Result`.
    type Error;
}

#[diagnostic::do_not_recommend]
impl<T, E> Answer for Result<T, E> {
    type Ok = T;
    type Error = E;
}

/// An error that a refusal of ours can become.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry a rejection",
    label = "an annotated handler returns `Result<T, E>` with `E: From<steadfast::Rejection>`",
    note = "for an error enum of your own, add a variant `Rejected(#[from] steadfast::Rejection)`; `String`, boxed \
            errors, `anyhow::Error` and `std::io::Error` can carry one as they are"
)]
pub trait CarriesRejection: From<Rejection> {}

#[diagnostic::do_not_recommend]
impl<E: From<Rejection>> CarriesRejection for E {}

/// What is known of one error.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its kind.
    pub kind: ErrorKind,
    /// When the dependency asked to be tried again.
    pub retry_after: Option<Duration>,
    /// The refusal of ours that it is.
    pub rejection: Option<Rejection>,
    /// Its whole text, where it is nothing but a text.
    pub text: Option<String>,
}

impl Judged {
    /// What an error says of itself.
    #[must_use]
    pub fn of<E: Classify>(error: &E) -> Self {
        Judged {
            kind: error.kind(),
            retry_after: error.retry_after(),
            rejection: error.rejection().cloned(),
            text: error.text().map(str::to_owned),
        }
    }
}

/// How a handler's results are read; made by the macros, a few function pointers and nothing else.
#[derive(Debug)]
pub struct Outcome<T, E> {
    pub(crate) judge: fn(&E) -> Judged,
    /// Whether errors say what they are; those that don't are all unknown.
    pub(crate) says_what_it_is: bool,
    pub(crate) status: fn(&T) -> Option<u16>,
    pub(crate) degrade: fn(&mut T),
    pub(crate) replay: fn(&mut T),
    pub(crate) codec: Option<Codec<T>>,
    pub(crate) error_codec: Option<Codec<E>>,
}

impl<T, E> Clone for Outcome<T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, E> Copy for Outcome<T, E> {}

impl<T, E> Outcome<T, E> {
    /// An adapter from its parts.
    #[must_use]
    pub const fn new(judge: fn(&E) -> Judged, status: fn(&T) -> Option<u16>, degrade: fn(&mut T)) -> Self {
        Outcome {
            judge,
            says_what_it_is: true,
            status,
            degrade,
            replay: |_| {},
            codec: None,
            error_codec: None,
        }
    }

    /// The adapter of an error that says what it is, and of a result that carries no status.
    #[must_use]
    pub fn classified() -> Self
    where
        E: Classify,
    {
        Outcome::new(Judged::of, |_| None, |_| {})
    }

    /// The same, and whether the error's type says what an error is.
    #[must_use]
    pub const fn with_errors_that_say_what_they_are(mut self, they_do: bool) -> Self {
        self.says_what_it_is = they_do;
        self
    }

    /// The same with a way to mark a result as given before.
    #[must_use]
    pub const fn replaying(mut self, replay: fn(&mut T)) -> Self {
        self.replay = replay;
        self
    }

    /// The same with a way to store results.
    #[must_use]
    pub const fn stored(mut self, codec: Codec<T>) -> Self {
        self.codec = Some(codec);
        self
    }

    /// The same with a way to store errors, where there is one.
    #[must_use]
    pub const fn stored_errors(mut self, codec: Option<Codec<E>>) -> Self {
        self.error_codec = codec;
        self
    }

    /// Whether an `Ok` is a success.
    #[inline]
    pub(crate) fn is_success(&self, value: &T) -> bool {
        self.ending_of_ok(value) == Ending::Success
    }

    /// How an `Ok` ends an attempt: one that carries a 5xx is the server's error to every layer.
    #[inline]
    fn ending_of_ok(&self, value: &T) -> Ending {
        match (self.status)(value) {
            Some(503) => Ending::Error(ErrorKind::Unavailable),
            Some(504) => Ending::Error(ErrorKind::Timeout),
            Some(500..=599) => Ending::Error(ErrorKind::ServerError),
            _ => Ending::Success,
        }
    }

    /// How a result ends an attempt.
    pub(crate) fn ending(&self, result: &Result<T, E>, judged: Option<&Judged>) -> Ending {
        match (result, judged) {
            (Ok(value), _) => self.ending_of_ok(value),
            (Err(_), Some(Judged { rejection: Some(rejection), .. })) => Ending::Rejected(rejection.kind()),
            (Err(_), Some(judged)) => Ending::Error(judged.kind),
            (Err(_), None) => Ending::Error(ErrorKind::Unknown),
        }
    }
}
