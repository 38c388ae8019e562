//! What a macro hands to a fallback, whichever of its forms the fallback has.
#![allow(missing_docs, reason = "only the macros name what is here")]

use std::marker::PhantomData;
use std::sync::Arc;

use super::Failure;

/// The arguments and the failure, for a fallback that answers with `R`.
#[derive(Debug)]
pub struct Handed<R, Args, E> {
    arguments: Args,
    failure: Arc<Failure<E>>,
    answer: PhantomData<fn() -> R>,
}

/// What a function's fallback is handed. The types are fixed before the fallback is named, so that a wrong one is told
/// at its name.
pub fn handed<R, Args, E>(arguments: Args, failure: Arc<Failure<E>>) -> Handed<R, Args, E> {
    Handed { arguments, failure, answer: PhantomData }
}

impl<R, Args, E> Handed<R, Args, E> {
    pub fn to<F, M>(self, fallback: F) -> impl Future<Output = R>
    where
        F: FallbackFn<Args, E, R, M>,
    {
        fallback.call(self.arguments, self.failure)
    }
}

/// The same with the receiver of a method.
#[derive(Debug)]
pub struct HandedByMethod<R, S, Args, E> {
    receiver: S,
    handed: Handed<R, Args, E>,
}

/// What a method's fallback is handed.
pub fn handed_by_method<R, S, Args, E>(
    receiver: S,
    arguments: Args,
    failure: Arc<Failure<E>>,
) -> HandedByMethod<R, S, Args, E> {
    HandedByMethod { receiver, handed: handed(arguments, failure) }
}

impl<R, S, Args, E> HandedByMethod<R, S, Args, E> {
    pub fn to<F, M>(self, fallback: F) -> impl Future<Output = R>
    where
        F: MethodFallbackFn<S, Args, E, R, M>,
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
