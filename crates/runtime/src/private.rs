//! What the macros may call, and nothing else may: it changes without notice.
#![allow(missing_docs, reason = "the macros' contract is described where it is used")]

use std::sync::Arc;

pub use steadfast_actors::settings::{Settings, Value};
pub use steadfast_macros::compose;

pub use crate::outcome::probe::{
    Kept, Known, NotKept, Probe, Responds, Storable, Unknown, WithStatus, WithoutStatus, codec, probes,
};
pub use crate::outcome::{Answer, CarriesRejection, Outcome, Wait};
pub use crate::pipeline::handed::{FallbackFn, MethodFallbackFn, handed, handed_by_method};
use crate::pipeline::{Callee, execute, execute_or};
pub use crate::pipeline::{Declaration, Enrolled, Failure, Identity, Inputs, Site};
pub use crate::service::contract::{
    AnswersPlainly, AnswersWithResponse, Argument, CarriesCaller, CarriesNone, FailsPlainly,
    FailsWithResponse, Fingerprint, Fingerprints, HasContent, HasNoContent, IsContext, Keeps, KeyText,
    NoContext, Reply, Route, Served, Validatable, ValidatedMessage, ValidatesMessage, Weighs, key_text,
    validator, weight_of,
};
#[doc(hidden)]
pub use inventory;

/// Runs a handler that can run once.
pub fn run_once<T, E, B, F>(
    site: &'static Site,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    body: B,
) -> impl Future<Output = Result<T, E>>
where
    E: CarriesRejection,
    B: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
{
    let mut body = Some(body);
    let once = move || body.take().map(|body| body());
    execute(Callee::Site(site), outcome, inputs, once)
}

/// Runs a handler that can run again.
pub fn run_many<T, E, B, F>(
    site: &'static Site,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
) -> impl Future<Output = Result<T, E>>
where
    E: CarriesRejection,
    B: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
{
    execute(Callee::Site(site), outcome, inputs, move || Some(body()))
}

/// Runs a handler that can run once and has a fallback.
pub fn run_once_or<T, E, B, F, G, H>(
    site: &'static Site,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    body: B,
    fallback: G,
) -> impl Future<Output = Result<T, E>>
where
    E: CarriesRejection,
    B: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    let mut body = Some(body);
    execute_or(Callee::Site(site), outcome, inputs, move || body.take().map(|body| body()), fallback)
}

/// Runs a handler that can run again and has a fallback.
pub fn run_many_or<T, E, B, F, G, H>(
    site: &'static Site,
    outcome: impl Fn() -> Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
    fallback: G,
) -> impl Future<Output = Result<T, E>>
where
    E: CarriesRejection,
    B: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    execute_or(Callee::Site(site), outcome, inputs, move || Some(body()), fallback)
}

/// An argument for one run, while the original waits for the next or for the fallback.
pub fn cloned_for_another_run<T: Clone>(argument: &T) -> T {
    argument.clone()
}

/// What makes the adapter of a return type in which an `impl Trait` stands: of its value nothing is known.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_opaque_outcome {
    ($ret:ty) => {
        || {
            #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
            use $crate::__private::{Known as _, Unknown as _};
            let (_, error) = $crate::__private::probes::<$ret>();
            $crate::__private::Outcome::new((&&error).judge(), |_| ::core::option::Option::None, |_| {})
                .with_errors_that_say_what_they_are((&&error).says_what_it_is())
        }
    };
}

/// What makes the adapter of a handler's return type.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_outcome {
    ($ret:ty) => {
        || {
            #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
            use $crate::__private::{Known as _, Unknown as _, WithStatus as _, WithoutStatus as _};
            let (ok, error) = $crate::__private::probes::<$ret>();
            $crate::__private::Outcome::new((&&error).judge(), (&&ok).status(), (&&ok).degrade())
                .replaying((&&ok).replay())
                .with_errors_that_say_what_they_are((&&error).says_what_it_is())
        }
    };
}

/// The same with a codec, for an idempotency store.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_stored_outcome {
    ($ret:ty) => {
        || {
            #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
            use $crate::__private::{Kept as _, NotKept as _};
            let outcome = $crate::__private::outcome!($ret);
            outcome().stored($crate::__private::codec()).stored_errors(
                (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Error>::NEW).error_codec(),
            )
        }
    };
}

/// Lets the linker collect a site.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_enroll {
    ($site:ident) => {
        $crate::__private::inventory::submit! { $crate::__private::Enrolled(&$site) }
    };
}

pub use crate::{
    __steadfast_body_length as body_length, __steadfast_content as content, __steadfast_context as context,
    __steadfast_enroll as enroll, __steadfast_is_context as is_context,
    __steadfast_opaque_outcome as opaque_outcome, __steadfast_outcome as outcome, __steadfast_route as route,
    __steadfast_stored_outcome as stored_outcome, __steadfast_validated as validated,
    __steadfast_validator as validator,
};
