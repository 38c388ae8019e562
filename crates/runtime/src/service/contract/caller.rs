use std::marker::PhantomData;

use super::weight::weight_of;
use crate::service::Message;

/// An argument that may say who calls.
#[derive(Debug)]
pub struct Argument<'a, T: ?Sized>(pub &'a T);

/// Arguments that do.
pub trait CarriesCaller {
    /// The message.
    fn caller(&self) -> Option<Message>;
    /// How many bytes its body has.
    fn body_length(&self) -> Option<u64>;
}

impl CarriesCaller for &Argument<'_, Message> {
    fn caller(&self) -> Option<Message> {
        Some(self.0.clone())
    }

    fn body_length(&self) -> Option<u64> {
        Some(weight_of(self.0))
    }
}

impl CarriesCaller for &Argument<'_, &Message> {
    fn caller(&self) -> Option<Message> {
        Some((*self.0).clone())
    }

    fn body_length(&self) -> Option<u64> {
        Some(weight_of(*self.0))
    }
}

/// Arguments that don't.
pub trait CarriesNone {
    /// Nothing.
    fn caller(&self) -> Option<Message> {
        None
    }

    /// None.
    fn body_length(&self) -> Option<u64> {
        None
    }
}

impl<T: ?Sized> CarriesNone for Argument<'_, T> {}

/// A type that may say who calls.
#[derive(Debug)]
pub struct IsContext<T: ?Sized>(PhantomData<T>);

impl IsContext<Message> {
    /// It does.
    pub const IS_CONTEXT: bool = true;
}

impl IsContext<&Message> {
    /// It does.
    pub const IS_CONTEXT: bool = true;
}

/// Types that don't: a constant of the type itself is preferred to one of a trait.
pub trait NoContext {
    /// It does not.
    const IS_CONTEXT: bool = false;
}

impl<T: ?Sized> NoContext for IsContext<T> {}

/// The caller that an argument carries, if it does: `context!(&msg)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_context {
    ($argument:expr) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the type")]
        use $crate::__private::{CarriesCaller as _, CarriesNone as _};
        (&&$crate::__private::Argument($argument)).caller()
    }};
}

/// How many bytes the body of an argument has, if it is a message: `body_length!(&msg)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_body_length {
    ($argument:expr) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the type")]
        use $crate::__private::{CarriesCaller as _, CarriesNone as _};
        (&&$crate::__private::Argument($argument)).body_length()
    }};
}

/// Whether an argument of this type carries a caller, as a constant: `is_context!(Message)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_is_context {
    ($argument:ty) => {{
        #[allow(unused_imports, reason = "it is needed where the type carries none")]
        use $crate::__private::NoContext as _;
        $crate::__private::IsContext::<$argument>::IS_CONTEXT
    }};
}
