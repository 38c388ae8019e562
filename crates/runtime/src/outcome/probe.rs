//! Finds out at compile time what a handler's types can do, without asking for it (autoref specialisation: a method of
//! `&Probe<T>` with a bound is preferred to one of `Probe<T>` without).

use std::marker::PhantomData;

use super::adapter::Judged;
use super::{Answer, Classify, Codec};
use serde::{Serialize, de::DeserializeOwned};
use steadfast_actors::outcome::ErrorKind;

/// A type to be asked about.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A question about `T`.
    pub const NEW: Probe<T> = Probe(PhantomData);

    /// A question about the type of a value.
    #[must_use]
    pub const fn of(_: &T) -> Probe<T> {
        Probe::NEW
    }
}

/// Questions about what a handler returns: its result, and its error. The one place that asks for a `Result`, so that
/// a mistake is told once.
#[must_use]
pub fn probes<R: Answer>() -> (Probe<R::Ok>, Probe<R::Error>) {
    (Probe::NEW, Probe::NEW)
}

/// Errors that say what they are.
pub trait Known<E> {
    /// How to judge one.
    fn judge(&self) -> fn(&E) -> Judged;
    /// Whether one says what it is.
    fn says_what_it_is(&self) -> bool;
}

impl<E: Classify> Known<E> for &Probe<E> {
    fn judge(&self) -> fn(&E) -> Judged {
        Judged::of
    }

    fn says_what_it_is(&self) -> bool {
        true
    }
}

/// Errors that don't.
pub trait Unknown<E> {
    /// How to judge one: it is unknown.
    fn judge(&self) -> fn(&E) -> Judged;
    /// Whether one says what it is.
    fn says_what_it_is(&self) -> bool;
}

impl<E> Unknown<E> for Probe<E> {
    fn judge(&self) -> fn(&E) -> Judged {
        |_| Judged { kind: ErrorKind::Unknown, retry_after: None, rejection: None, text: None }
    }

    fn says_what_it_is(&self) -> bool {
        false
    }
}

/// Results that carry a status of their own.
pub trait Responds {
    /// The HTTP status.
    fn status(&self) -> u16;
    /// Marks the answer as degraded.
    fn mark_degraded(&mut self) {}
    /// Marks the answer as one that was stored before.
    fn mark_replayed(&mut self) {}
}

/// Results with a status.
pub trait WithStatus<T> {
    /// How to read it.
    fn status(&self) -> fn(&T) -> Option<u16>;
    /// How to mark it as degraded.
    fn degrade(&self) -> fn(&mut T);
    /// How to mark it as given before.
    fn replay(&self) -> fn(&mut T);
}

impl<T: Responds> WithStatus<T> for &Probe<T> {
    fn status(&self) -> fn(&T) -> Option<u16> {
        |value| Some(value.status())
    }

    fn degrade(&self) -> fn(&mut T) {
        T::mark_degraded
    }

    fn replay(&self) -> fn(&mut T) {
        T::mark_replayed
    }
}

/// Results without.
pub trait WithoutStatus<T> {
    /// There is none.
    fn status(&self) -> fn(&T) -> Option<u16>;
    /// There is nothing to mark.
    fn degrade(&self) -> fn(&mut T);
    /// There is nothing to mark.
    fn replay(&self) -> fn(&mut T);
}

impl<T> WithoutStatus<T> for Probe<T> {
    fn status(&self) -> fn(&T) -> Option<u16> {
        |_| None
    }

    fn degrade(&self) -> fn(&mut T) {
        |_| {}
    }

    fn replay(&self) -> fn(&mut T) {
        |_| {}
    }
}

/// A result that an idempotency store can keep.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept by an idempotency store",
    label = "a stored result is written and read again",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// The codec of a result that an idempotency store keeps. Self-describing, so that `serde_json::Value`, flattened and
/// untagged types come back as they were.
#[must_use]
pub fn codec<T: Storable>() -> Codec<T> {
    Codec {
        encode: |value| rmp_serde::to_vec_named(value).ok(),
        decode: |bytes| rmp_serde::from_slice(bytes).ok(),
    }
}

/// Errors that can be kept.
pub trait Kept<E> {
    /// How.
    fn error_codec(&self) -> Option<Codec<E>>;
}

impl<E: Serialize + DeserializeOwned> Kept<E> for &Probe<E> {
    fn error_codec(&self) -> Option<Codec<E>> {
        Some(codec())
    }
}

/// Errors that can't.
pub trait NotKept<E> {
    /// There is no way.
    fn error_codec(&self) -> Option<Codec<E>>;
}

impl<E> NotKept<E> for Probe<E> {
    fn error_codec(&self) -> Option<Codec<E>> {
        None
    }
}
