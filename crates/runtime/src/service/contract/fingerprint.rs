use std::fmt::Display;

use serde::Serialize;

use super::caller::Argument;
use super::content::content_of;

/// What a fingerprint can be taken of: whatever serde can write.
#[diagnostic::on_unimplemented(
    message = "no fingerprint can be taken of `{Self}`",
    label = "this argument has no fingerprint",
    note = "derive `serde::Serialize` for it, or say what tells two calls apart: \
            `#[idempotent(key = \"header:Idempotency-Key\")]` or `key = \"arg:name\"`"
)]
pub trait Fingerprint {
    /// Its content, in the one form that all equal values share; `None` where serde cannot write it.
    fn content(&self) -> Option<Vec<u8>>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> Fingerprint for T {
    fn content(&self) -> Option<Vec<u8>> {
        content_of(self)
    }
}

/// The fingerprint of all arguments of one call.
#[derive(Debug)]
pub struct Fingerprints {
    hasher: blake3::Hasher,
    unwritable: bool,
}

impl Default for Fingerprints {
    fn default() -> Self {
        Fingerprints::new()
    }
}

impl Fingerprints {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Fingerprints { hasher: blake3::Hasher::new(), unwritable: false }
    }

    /// The same with an argument more.
    #[must_use]
    pub fn with<T: Fingerprint + ?Sized>(mut self, argument: &T) -> Self {
        let content = argument.content();
        self.unwritable |= content.is_none();
        self.with_content(content)
    }

    /// The same with an argument more, where that has a content: what cannot be written tells no two calls of one key
    /// apart.
    #[must_use]
    pub fn with_content(self, content: Option<Vec<u8>>) -> Self {
        match content {
            Some(content) => self.added(&content),
            None => self,
        }
    }

    fn added(mut self, content: &[u8]) -> Self {
        // With its length, so that two arguments never read like two others.
        self.hasher.update(&(content.len() as u64).to_le_bytes());
        self.hasher.update(content);
        self
    }

    /// The fingerprint. A call with an argument that cannot be written is like no other: it is given a random one,
    /// since another call's result would be the worse answer.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        if self.unwritable {
            tracing::warn!(
                "an argument of an idempotent call cannot be serialised; the call runs like no other"
            );
            self.hasher.update(&steadfast_actors::clock::Entropy::system_seed().to_le_bytes());
        }
        self.hasher.finalize().into()
    }
}

/// Arguments of which a fingerprint can be taken, asked of any argument where a key is named as well.
pub trait HasContent {
    /// What tells it from others; `None` where serde cannot write it.
    fn content(&self) -> Option<Vec<u8>>;
}

impl<T: Fingerprint + ?Sized> HasContent for &Argument<'_, T> {
    fn content(&self) -> Option<Vec<u8>> {
        self.0.content()
    }
}

/// Arguments of which none can be taken: a connection, a handle.
pub trait HasNoContent {
    /// Nothing.
    fn content(&self) -> Option<Vec<u8>> {
        None
    }
}

impl<T: ?Sized> HasNoContent for Argument<'_, T> {}

/// What tells an argument from others, if anything does: `content!(&order)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_content {
    ($argument:expr) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the type")]
        use $crate::__private::{HasContent as _, HasNoContent as _};
        (&&$crate::__private::Argument($argument)).content()
    }};
}

/// What a policy can go by.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "a key is a text",
    note = "go by an argument that implements `Display`, such as an id"
)]
pub trait KeyText {
    /// The text.
    fn text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> KeyText for T {
    fn text(&self) -> String {
        self.to_string()
    }
}

/// The text of an argument that a policy goes by.
#[must_use]
pub fn key_text<T: KeyText + ?Sized>(argument: &T) -> String {
    argument.text()
}
