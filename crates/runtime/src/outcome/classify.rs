use std::error::Error;
use std::time::Duration;

use steadfast_actors::bulkhead::ConnectionError;
use steadfast_actors::outcome::ErrorKind;
use steadfast_actors::rejection::Rejection;

use crate::retry::kind_of_text;

/// Tells what sort of error an error is, so that breakers and retries know what to do about it.
///
/// Derive it for an enum (`#[derive(Classify)]`, `#[kind(timeout)]` on variants) or write it; an error type without
/// it is `unknown`, which is handled as the dependency's fault.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what kind of error it is",
    note = "add `#[derive(Classify)]`, or implement `steadfast::Classify` for it"
)]
pub trait Classify {
    /// Its kind.
    fn kind(&self) -> ErrorKind;

    /// When the dependency asked to be tried again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// The refusal of ours that this error is or carries.
    fn rejection(&self) -> Option<&Rejection> {
        None
    }

    /// The error's whole text, where it is nothing but a text. A text that is word for word a refusal that this very
    /// call produced is taken for that refusal; no other text is.
    fn text(&self) -> Option<&str> {
        None
    }
}

/// A field that says when to try again, as a derived `Classify` reads it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no wait",
    label = "a wait is a `Duration`, or an `Option<Duration>`"
)]
pub trait Wait {
    /// The wait, if there is one.
    fn wait(&self) -> Option<Duration>;
}

impl Wait for Duration {
    fn wait(&self) -> Option<Duration> {
        Some(*self)
    }
}

impl Wait for Option<Duration> {
    fn wait(&self) -> Option<Duration> {
        *self
    }
}

impl Classify for Rejection {
    fn kind(&self) -> ErrorKind {
        Rejection::kind(self).error_kind()
    }

    fn retry_after(&self) -> Option<Duration> {
        Rejection::retry_after(self)
    }

    fn rejection(&self) -> Option<&Rejection> {
        Some(self)
    }
}

impl Classify for ConnectionError {
    fn kind(&self) -> ErrorKind {
        match self {
            ConnectionError::TimedOut { .. } => ErrorKind::Timeout,
            ConnectionError::Refused(rejection) => Classify::kind(rejection),
            _ => ErrorKind::ConnectionError,
        }
    }

    fn rejection(&self) -> Option<&Rejection> {
        match self {
            ConnectionError::Refused(rejection) => Some(rejection),
            _ => None,
        }
    }
}

impl Classify for String {
    fn kind(&self) -> ErrorKind {
        kind_of_text(self)
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Classify for std::io::Error {
    fn kind(&self) -> ErrorKind {
        if let Some(rejection) = Classify::rejection(self) {
            return Classify::kind(rejection);
        }
        kind_of_io(self.kind())
    }

    fn retry_after(&self) -> Option<Duration> {
        Classify::rejection(self).and_then(Rejection::retry_after)
    }

    fn rejection(&self) -> Option<&Rejection> {
        let inner: &(dyn Error + 'static) = self.get_ref()?;
        in_chain(inner)
    }
}

impl Classify for Box<dyn Error + Send + Sync> {
    fn kind(&self) -> ErrorKind {
        kind_of_chain(&**self)
    }

    fn retry_after(&self) -> Option<Duration> {
        Classify::rejection(self).and_then(Rejection::retry_after)
    }

    fn rejection(&self) -> Option<&Rejection> {
        in_chain(&**self)
    }
}

#[cfg(feature = "anyhow")]
impl Classify for anyhow::Error {
    fn kind(&self) -> ErrorKind {
        kind_of_chain(&**self)
    }

    fn retry_after(&self) -> Option<Duration> {
        Classify::rejection(self).and_then(Rejection::retry_after)
    }

    fn rejection(&self) -> Option<&Rejection> {
        in_chain(&**self)
    }
}

/// A cause further down than this is somebody's cycle.
const LONGEST_CHAIN: usize = 32;

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
        .take(LONGEST_CHAIN)
}

fn in_chain<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Rejection> {
    chain(error).find_map(|error| {
        let io = || error.downcast_ref::<std::io::Error>().and_then(|io| Classify::rejection(io));
        error.downcast_ref::<Rejection>().or_else(io)
    })
}

/// The kind of the first cause that has one.
fn kind_of_chain(error: &(dyn Error + 'static)) -> ErrorKind {
    if let Some(rejection) = in_chain(error) {
        return Classify::kind(rejection);
    }
    if let Some(error) = chain(error).find_map(|error| error.downcast_ref::<ConnectionError>()) {
        return Classify::kind(error);
    }
    let of_io = chain(error).find_map(|error| error.downcast_ref::<std::io::Error>());
    of_io.map_or_else(
        || {
            chain(error)
                .map(|error| kind_of_text(&error.to_string()))
                .find(|kind| *kind != ErrorKind::Unknown)
                .unwrap_or(ErrorKind::Unknown)
        },
        |io| kind_of_io(io.kind()),
    )
}

fn kind_of_io(kind: std::io::ErrorKind) -> ErrorKind {
    use std::io::ErrorKind as Io;
    match kind {
        Io::TimedOut => ErrorKind::Timeout,
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::BrokenPipe
        | Io::UnexpectedEof
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown => ErrorKind::ConnectionError,
        Io::NotFound => ErrorKind::NotFound,
        Io::PermissionDenied => ErrorKind::AuthorizationError,
        Io::AlreadyExists => ErrorKind::Conflict,
        Io::InvalidInput | Io::InvalidData => ErrorKind::ValidationError,
        Io::ResourceBusy | Io::WouldBlock => ErrorKind::Unavailable,
        _ => ErrorKind::Unknown,
    }
}
