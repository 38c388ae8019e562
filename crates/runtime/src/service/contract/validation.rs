use std::ops::Deref;

use garde::Validate;
use serde::de::DeserializeOwned;
use steadfast_actors::rejection::{FieldProblem, Rejection};

use crate::outcome::probe::Probe;
use crate::service::Message;
use crate::service::message::noted;

/// A payload that can be read and checked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be validated",
    label = "this payload has no rules to be checked by",
    note = "derive `serde::Deserialize` and `garde::Validate` for it"
)]
pub trait Validatable: DeserializeOwned {
    /// Checks it.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] (422), field by field.
    fn checked(self) -> Result<Self, Rejection>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Validate<Context: Default>> Validatable for T {
    fn checked(self) -> Result<Self, Rejection> {
        let Err(report) = self.validate() else { return Ok(self) };
        let problems = report.iter().map(|(path, error)| {
            let field = if path.is_empty() { "payload".to_owned() } else { path.to_string() };
            FieldProblem { field, message: error.to_string() }
        });
        Err(noted(Rejection::invalid(problems.collect())))
    }
}

/// Reads the payload as a `T` and checks it, for `validate(T)`.
///
/// # Errors
/// [`Rejection::Malformed`] (400) where it cannot be read, [`Rejection::Invalid`] (422) where it breaks a rule.
pub fn validator<T: Validatable>(message: &Message) -> Result<(), Rejection> {
    message.deserialize_payload::<T>()?.checked().map(drop)
}

/// A [`Message`] whose payload is checked when it is read; what `#[validate]` gives the handler's body.
#[derive(Clone, Debug)]
pub struct ValidatedMessage(Message);

impl ValidatedMessage {
    /// The payload as a `T` that keeps its rules.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] (400) where it cannot be read, [`Rejection::Invalid`] (422) where it breaks a rule.
    pub fn deserialize_payload<T: Validatable>(&self) -> Result<T, Rejection> {
        self.0.deserialize_payload::<T>()?.checked()
    }
}

impl Deref for ValidatedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.0
    }
}

impl From<ValidatedMessage> for Message {
    fn from(message: ValidatedMessage) -> Self {
        message.0
    }
}

/// Turns a binding into its wrapper.
#[derive(Clone, Copy, Debug)]
pub struct Wraps;

impl Wraps {
    /// Wraps it.
    #[must_use]
    pub fn take(self, message: impl Into<OwnedMessage>) -> ValidatedMessage {
        ValidatedMessage(message.into().0)
    }
}

/// A message, from one or from a reference to one.
#[derive(Debug)]
pub struct OwnedMessage(Message);

impl From<Message> for OwnedMessage {
    fn from(message: Message) -> Self {
        OwnedMessage(message)
    }
}

impl From<&Message> for OwnedMessage {
    fn from(message: &Message) -> Self {
        OwnedMessage(message.clone())
    }
}

/// Leaves a binding as it is.
#[derive(Clone, Copy, Debug)]
pub struct Stays;

impl Stays {
    /// The same.
    pub fn take<T>(self, argument: T) -> T {
        argument
    }
}

/// Bindings that are wrapped.
pub trait ValidatesMessage {
    /// How.
    fn validated(&self) -> Wraps {
        Wraps
    }
}

impl ValidatesMessage for &Probe<Message> {}
impl ValidatesMessage for &Probe<&Message> {}

/// Bindings that stay as they are.
pub trait Keeps {
    /// How.
    fn validated(&self) -> Stays {
        Stays
    }
}

impl<T> Keeps for Probe<T> {}

/// A binding for a validated body: `let msg = validated!(msg);`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_validated {
    ($binding:expr) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the type")]
        use $crate::__private::{Keeps as _, ValidatesMessage as _};
        // Asked before the binding moves.
        let kind = (&&$crate::__private::Probe::of(&$binding)).validated();
        kind.take($binding)
    }};
}

/// The check of `validate(Type)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_validator {
    ($payload:ty) => {
        $crate::__private::validator::<$payload>
    };
}
