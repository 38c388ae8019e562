//! What a macro hands to a fallback, whichever of its forms the fallback has.
//!
//! Each trait here says which future its function returns, and the macro awaits that in the handler itself, beside the
//! failure that it may be lent. There both are known as they are; in a function of ours they would be known as far as a trait
//! says, and whoever spawns the handler would be asked to prove the rest of lifetimes that the compiler has forgotten.
#![allow(missing_docs, reason = "only the macros name what is here")]

use std::marker::PhantomData;

use super::Failure;

/// The arguments and the failure, for a fallback that answers with `R`.
#[derive(Debug)]
pub struct Handed<'f, R, Args, E> {
    arguments: Args,
    failure: &'f Failure<E>,
    answer: PhantomData<fn() -> R>,
}

/// What a function's fallback is handed. The types are fixed before the fallback is named, so that a wrong one is told
/// at its name.
pub fn handed<R, Args, E>(arguments: Args, failure: &Failure<E>) -> Handed<'_, R, Args, E> {
    Handed { arguments, failure, answer: PhantomData }
}

impl<'f, R, Args, E> Handed<'f, R, Args, E> {
    pub fn to<F, M>(self, fallback: F) -> F::Future
    where
        F: FallbackFn<'f, Args, E, R, M>,
    {
        fallback.call(self.arguments, self.failure)
    }
}

/// The same with the receiver of a method.
#[derive(Debug)]
pub struct HandedByMethod<'f, R, S, Args, E> {
    receiver: S,
    handed: Handed<'f, R, Args, E>,
}

/// What a method's fallback is handed.
pub fn handed_by_method<R, S, Args, E>(
    receiver: S,
    arguments: Args,
    failure: &Failure<E>,
) -> HandedByMethod<'_, R, S, Args, E> {
    HandedByMethod { receiver, handed: handed(arguments, failure) }
}

impl<'f, R, S, Args, E> HandedByMethod<'f, R, S, Args, E> {
    pub fn to<F, M>(self, fallback: F) -> F::Future
    where
        F: MethodFallbackFn<'f, S, Args, E, R, M>,
    {
        fallback.call(self.receiver, self.handed.arguments, self.handed.failure)
    }
}

/// A fallback: it takes the handler's arguments, or those and the failure. `M` tells the two apart.
#[diagnostic::on_unimplemented(
    message = "this cannot be the fallback of this handler",
    label = "a fallback is an `async fn` that takes the handler's arguments, or those and `&Failure<E>`, and returns \
             what the handler returns"
)]
pub trait FallbackFn<'f, Args, E, R, M> {
    /// Its future.
    type Future: Future<Output = R>;
    /// The call.
    fn call(self, args: Args, failure: &'f Failure<E>) -> Self::Future;
}

/// It takes the arguments alone.
#[derive(Debug)]
pub struct WithArguments;
/// It takes the failure too.
#[derive(Debug)]
pub struct WithFailure;

macro_rules! fallbacks {
    ($($name:ident)*) => {
        impl<'f, F, H, E, R, $($name,)*> FallbackFn<'f, ($($name,)*), E, R, WithArguments> for F
        where
            F: FnOnce($($name),*) -> H,
            H: Future<Output = R>,
        {
            type Future = H;

            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn call(self, ($($name,)*): ($($name,)*), _: &'f Failure<E>) -> H {
                self($($name),*)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'f, F, H, E: 'f, R, $($name,)*> FallbackFn<'f, ($($name,)*), E, R, WithFailure> for F
        where
            F: FnOnce($($name,)* &'f Failure<E>) -> H,
            H: Future<Output = R>,
        {
            type Future = H;

            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn call(self, ($($name,)*): ($($name,)*), failure: &'f Failure<E>) -> H {
                self($($name,)* failure)
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
fallbacks!(A B C D G I J K L);
fallbacks!(A B C D G I J K L N);
fallbacks!(A B C D G I J K L N O);
fallbacks!(A B C D G I J K L N O P);
fallbacks!(A B C D G I J K L N O P Q);

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
with_receiver!(A B C D G I J K);
with_receiver!(A B C D G I J K L);
with_receiver!(A B C D G I J K L N);
with_receiver!(A B C D G I J K L N O);
with_receiver!(A B C D G I J K L N O P);

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
pub trait MethodFallbackFn<'f, S, Args, E, R, M> {
    /// Its future.
    type Future: Future<Output = R>;
    /// The call.
    fn call(self, receiver: S, args: Args, failure: &'f Failure<E>) -> Self::Future;
}

#[diagnostic::do_not_recommend]
impl<'f, F, S, Args, E, R, M> MethodFallbackFn<'f, S, Args, E, R, WithSelf<M>> for F
where
    Args: WithReceiver<S>,
    F: FallbackFn<'f, Args::Joined, E, R, M>,
{
    type Future = F::Future;

    fn call(self, receiver: S, args: Args, failure: &'f Failure<E>) -> F::Future {
        FallbackFn::call(self, args.join(receiver), failure)
    }
}

#[diagnostic::do_not_recommend]
impl<'f, F, S, Args, E, R, M> MethodFallbackFn<'f, S, Args, E, R, WithoutSelf<M>> for F
where
    F: FallbackFn<'f, Args, E, R, M>,
{
    type Future = F::Future;

    fn call(self, _: S, args: Args, failure: &'f Failure<E>) -> F::Future {
        FallbackFn::call(self, args, failure)
    }
}
