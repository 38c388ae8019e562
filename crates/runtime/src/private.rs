//! What the macros may call, and nothing else may: it changes without notice.
#![allow(missing_docs, reason = "the macros' contract is described where it is used")]

use std::sync::Arc;

pub use steadfast_actors::settings::{Settings, Value};
pub use steadfast_macros::compose;

pub use crate::outcome::probe::{
    Kept, Known, NotKept, Probe, Responds, Unknown, WithStatus, WithoutStatus, codec,
};
pub use crate::outcome::{Answer, Outcome};
use crate::pipeline::execute;
pub use crate::pipeline::{Declaration, Enrolled, Failure, Identity, Inputs, Site};
pub use crate::service::contract::{
    AnswersPlainly, AnswersWithResponse, Argument, CarriesCaller, CarriesNone, Fingerprint, Fingerprints,
    IsContext, Keeps, KeyText, NoContext, Reply, Route, Served, Validatable, ValidatedMessage,
    ValidatesMessage, key_text, validator,
};
use steadfast_actors::rejection::Rejection;

#[doc(hidden)]
pub use inventory;

/// Runs a handler that can run once.
pub async fn run_once<T, E, B, F>(
    site: &'static Site,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    body: B,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
{
    let mut body = Some(body);
    let once = move || body.take().map(|body| body());
    execute(site, outcome, inputs, once, no_fallback::<T, E>()).await
}

/// Runs a handler that can run again.
pub async fn run_many<T, E, B, F>(
    site: &'static Site,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
{
    execute(site, outcome, inputs, move || Some(body()), no_fallback::<T, E>()).await
}

/// Runs a handler that can run once and has a fallback.
pub async fn run_once_or<T, E, B, F, G, H>(
    site: &'static Site,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    body: B,
    fallback: G,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnOnce() -> F,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    let mut body = Some(body);
    execute(site, outcome, inputs, move || body.take().map(|body| body()), Some(fallback)).await
}

/// Runs a handler that can run again and has a fallback.
pub async fn run_many_or<T, E, B, F, G, H>(
    site: &'static Site,
    outcome: Outcome<T, E>,
    inputs: Inputs,
    mut body: B,
    fallback: G,
) -> Result<T, E>
where
    E: From<Rejection>,
    B: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
    G: FnOnce(Arc<Failure<E>>) -> H,
    H: Future<Output = Result<T, E>>,
{
    execute(site, outcome, inputs, move || Some(body()), Some(fallback)).await
}

type NoFallback<T, E> = fn(Arc<Failure<E>>) -> std::future::Pending<Result<T, E>>;
const fn no_fallback<T, E>() -> Option<NoFallback<T, E>> {
    None
}

/// A fallback: it takes the handler's arguments, or those and the failure. `M` tells the two apart.
#[diagnostic::on_unimplemented(
    message = "this cannot be the fallback of this handler",
    label = "a fallback is an `async fn` that takes the handler's arguments, or those and `&Failure<E>`, and returns \
             what the handler returns"
)]
pub trait FallbackFn<Args, E, R, M> {
    /// Its future; the failure lives as long.
    fn call(self, args: Args, failure: Arc<Failure<E>>) -> impl Future<Output = R>;
}

/// It takes the arguments alone.
#[derive(Debug)]
pub struct WithArguments;
/// It takes the failure too.
#[derive(Debug)]
pub struct WithFailure;

/// What `for<'f> Fn(.., &'f Failure<E>) -> impl Future + 'f` would say.
pub trait BorrowsFailure<'f, Args, E, R> {
    /// The future.
    type Future: Future<Output = R> + 'f;
    /// The call.
    fn borrow(self, args: Args, failure: &'f Failure<E>) -> Self::Future;
}

macro_rules! fallbacks {
    ($($name:ident)*) => {
        impl<F, H, E, R, $($name,)*> FallbackFn<($($name,)*), E, R, WithArguments> for F
        where
            F: FnOnce($($name),*) -> H,
            H: Future<Output = R>,
        {
            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn call(self, ($($name,)*): ($($name,)*), _: Arc<Failure<E>>) -> impl Future<Output = R> {
                self($($name),*)
            }
        }

        impl<'f, F, H, E: 'f, R, $($name,)*> BorrowsFailure<'f, ($($name,)*), E, R> for F
        where
            F: FnOnce($($name,)* &'f Failure<E>) -> H,
            H: Future<Output = R> + 'f,
        {
            type Future = H;

            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn borrow(self, ($($name,)*): ($($name,)*), failure: &'f Failure<E>) -> H {
                self($($name,)* failure)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, E, R, $($name,)*> FallbackFn<($($name,)*), E, R, (WithFailure, $($name,)*)> for F
        where
            F: for<'f> BorrowsFailure<'f, ($($name,)*), E, R>,
        {
            async fn call(self, args: ($($name,)*), failure: Arc<Failure<E>>) -> R {
                self.borrow(args, &failure).await
            }
        }
    };
}

fallbacks!();
fallbacks!(A);
fallbacks!(A B);
fallbacks!(A B C);
fallbacks!(A B C D);
fallbacks!(A B C D G);
fallbacks!(A B C D G I);
fallbacks!(A B C D G I J);
fallbacks!(A B C D G I J K);

/// Calls a fallback, whichever of its two forms it has.
pub async fn call_fallback<F, Args, E, R, M>(fallback: F, args: Args, failure: Arc<Failure<E>>) -> R
where
    F: FallbackFn<Args, E, R, M>,
{
    fallback.call(args, failure).await
}

/// Arguments with the receiver before them.
pub trait WithReceiver<S> {
    type Joined;
    fn join(self, receiver: S) -> Self::Joined;
}

macro_rules! with_receiver {
    ($($name:ident)*) => {
        impl<S, $($name,)*> WithReceiver<S> for ($($name,)*) {
            type Joined = (S, $($name,)*);

            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn join(self, receiver: S) -> Self::Joined {
                let ($($name,)*) = self;
                (receiver, $($name,)*)
            }
        }
    };
}

with_receiver!();
with_receiver!(A);
with_receiver!(A B);
with_receiver!(A B C);
with_receiver!(A B C D);
with_receiver!(A B C D G);
with_receiver!(A B C D G I);
with_receiver!(A B C D G I J);

/// It takes the receiver too.
#[derive(Debug)]
pub struct WithSelf<M>(M);
/// It does not.
#[derive(Debug)]
pub struct WithoutSelf<M>(M);

/// A fallback of a method: a method itself, or a function that does not care for the receiver.
#[diagnostic::on_unimplemented(
    message = "this cannot be the fallback of this handler",
    label = "a fallback is an `async fn` that takes the handler's arguments, or those and `&Failure<E>`, and returns \
             what the handler returns; `self` may stand before them"
)]
pub trait MethodFallbackFn<S, Args, E, R, M> {
    /// Its future; the failure lives as long.
    fn call(self, receiver: S, args: Args, failure: Arc<Failure<E>>) -> impl Future<Output = R>;
}

#[diagnostic::do_not_recommend]
impl<F, S, Args, E, R, M> MethodFallbackFn<S, Args, E, R, WithSelf<M>> for F
where
    Args: WithReceiver<S>,
    F: FallbackFn<Args::Joined, E, R, M>,
{
    fn call(self, receiver: S, args: Args, failure: Arc<Failure<E>>) -> impl Future<Output = R> {
        FallbackFn::call(self, args.join(receiver), failure)
    }
}

#[diagnostic::do_not_recommend]
impl<F, S, Args, E, R, M> MethodFallbackFn<S, Args, E, R, WithoutSelf<M>> for F
where
    F: FallbackFn<Args, E, R, M>,
{
    fn call(self, _: S, args: Args, failure: Arc<Failure<E>>) -> impl Future<Output = R> {
        FallbackFn::call(self, args, failure)
    }
}

/// Calls the fallback of a method.
pub async fn call_method_fallback<F, S, Args, E, R, M>(
    fallback: F,
    receiver: S,
    args: Args,
    failure: Arc<Failure<E>>,
) -> R
where
    F: MethodFallbackFn<S, Args, E, R, M>,
{
    fallback.call(receiver, args, failure).await
}

/// What can be handed to a second run.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed to a second run of the handler",
    label = "this argument has to be cloned: a retry, a hedge or a fallback needs it again",
    note = "derive `Clone` for it, or share it as an `Arc`"
)]
pub trait Again: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {}

/// An argument for one run, while the original waits for the next.
pub fn again<T: Again>(argument: &T) -> T {
    argument.clone()
}

/// The adapter of a return type in which an `impl Trait` stands: of its value nothing is known.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_opaque_outcome {
    ($ret:ty) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
        use $crate::__private::{Known as _, Unknown as _};
        $crate::__private::Outcome::<_, <$ret as $crate::__private::Answer>::Error>::new(
            (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Error>::NEW).judge(),
            |_| ::core::option::Option::None,
            |_| {},
        )
    }};
}

/// The adapter of a handler's return type.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_outcome {
    ($ret:ty) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
        use $crate::__private::{Known as _, Unknown as _, WithStatus as _, WithoutStatus as _};
        $crate::__private::Outcome::<
            <$ret as $crate::__private::Answer>::Ok,
            <$ret as $crate::__private::Answer>::Error,
        >::new(
            (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Error>::NEW).judge(),
            (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Ok>::NEW).status(),
            (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Ok>::NEW).degrade(),
        )
        .replaying((&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Ok>::NEW).replay())
    }};
}

/// The same with a codec, for an idempotency store.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_stored_outcome {
    ($ret:ty) => {{
        #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
        use $crate::__private::{Kept as _, NotKept as _};
        $crate::__private::outcome!($ret).stored($crate::__private::codec()).stored_errors(
            (&&$crate::__private::Probe::<<$ret as $crate::__private::Answer>::Error>::NEW).error_codec(),
        )
    }};
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
    __steadfast_context as context, __steadfast_enroll as enroll, __steadfast_fingerprint as fingerprint,
    __steadfast_is_context as is_context, __steadfast_opaque_outcome as opaque_outcome,
    __steadfast_outcome as outcome, __steadfast_route as route, __steadfast_stored_outcome as stored_outcome,
    __steadfast_validated as validated, __steadfast_validator as validator,
};
