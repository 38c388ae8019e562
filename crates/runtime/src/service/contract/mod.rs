//! What the macros need of the service: who calls, what of, whether it is valid, and where it is served.
//!
//! A macro sees names of types and no types. So each question is asked by a method that two traits have, one of them
//! only for the types in question: the compiler picks that one first (autoref specialisation).

mod caller;
mod content;
mod fingerprint;
mod route;
#[cfg(test)]
mod tests;
mod validation;
mod weight;

pub use caller::{Argument, CarriesCaller, CarriesNone, IsContext, NoContext};
pub use fingerprint::{Fingerprint, Fingerprints, HasContent, HasNoContent, KeyText, key_text};
pub use route::{AnswersPlainly, AnswersWithResponse, FailsPlainly, FailsWithResponse, Reply, Route, Served};
pub use validation::{Keeps, Validatable, ValidatedMessage, ValidatesMessage, validator};
pub use weight::{Weighs, weight_of};
