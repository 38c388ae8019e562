use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use steadfast_actors::rejection::Rejection;

use crate::outcome::Judged;
use crate::outcome::probe::Probe;
use crate::pipeline::Identity;
use crate::service::{Message, RpcResponse};

/// What a served handler came to.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Answer(RpcResponse),
    /// An error: what is known of it, and its text, which is for the log and not for the caller.
    Failed {
        /// What is known of it.
        judged: Judged,
        /// What it says.
        text: String,
    },
    /// An answer that a handler returned as its error.
    #[cfg(feature = "http")]
    Response(Box<axum::response::Response>),
}

impl Reply {
    /// The reply of a handler that could not be answered for.
    #[must_use]
    pub fn refused(rejection: Rejection) -> Self {
        Reply::failed(Judged::of, &rejection)
    }

    /// The reply of an error.
    pub fn failed<E: std::fmt::Display>(judge: fn(&E) -> Judged, error: &E) -> Self {
        Reply::Failed { judged: judge(error), text: error.to_string() }
    }
}

/// A reply that is being made.
pub type Served = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A handler and where it is served, as its macro describes it.
#[derive(Debug)]
pub struct Route {
    method: &'static str,
    path: &'static str,
    identity: Identity,
    serve: fn(Message) -> Served,
}

impl Route {
    /// A route from its parts.
    #[must_use]
    pub const fn new(
        method: &'static str,
        path: &'static str,
        identity: Identity,
        serve: fn(Message) -> Served,
    ) -> Self {
        Route { method, path, identity, serve }
    }

    /// The method, in capitals.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The path, with `:name` for a parameter.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Where its handler stands.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Calls its handler.
    #[must_use]
    pub fn serve(&self, message: Message) -> Served {
        (self.serve)(message)
    }
}

inventory::collect!(Route);

/// Results that are answers as they are.
pub trait AnswersWithResponse {
    /// How to make the answer.
    fn answer(&self) -> fn(RpcResponse) -> Reply {
        Reply::Answer
    }
}

impl AnswersWithResponse for &Probe<RpcResponse> {}

/// Results that are payloads.
pub trait AnswersPlainly<T> {
    /// How to make the answer.
    fn answer(&self) -> fn(T) -> Reply;
}

impl<T: Serialize> AnswersPlainly<T> for Probe<T> {
    fn answer(&self) -> fn(T) -> Reply {
        |value| RpcResponse::success(&value, 0).map_or_else(Reply::refused, Reply::Answer)
    }
}

/// Makes a reply of an error, from how such errors are judged.
type Failed<E> = fn(fn(&E) -> Judged, E) -> Reply;

/// Errors that are answers as they are.
pub trait FailsWithResponse<E> {
    /// How to make the reply.
    fn failure(&self) -> Failed<E>;
}

#[cfg(feature = "http")]
impl FailsWithResponse<axum::response::Response> for &Probe<axum::response::Response> {
    fn failure(&self) -> Failed<axum::response::Response> {
        |_, response| Reply::Response(Box::new(response))
    }
}

/// Errors that can be read.
pub trait FailsPlainly<E> {
    /// How to make the reply.
    fn failure(&self) -> Failed<E>;
}

impl<E: std::fmt::Display> FailsPlainly<E> for Probe<E> {
    fn failure(&self) -> Failed<E> {
        |judge, error| Reply::failed(judge, &error)
    }
}

/// Lets the linker collect a route: `route!("GET", "/orders/:id", get_order, IDENTITY)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __steadfast_route {
    ($method:expr, $path:expr, $function:path, $identity:expr $(,)?) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Route::new($method, $path, $identity, |message| {
                ::std::boxed::Box::pin(async move {
                    #[allow(unused_imports, reason = "which of the traits is needed depends on the types")]
                    use $crate::__private::{
                        AnswersPlainly as _, AnswersWithResponse as _, FailsPlainly as _,
                        FailsWithResponse as _, Known as _, Unknown as _,
                    };
                    match $function(message).await {
                        ::core::result::Result::Ok(value) => {
                            (&&$crate::__private::Probe::of(&value)).answer()(value)
                        }
                        ::core::result::Result::Err(error) => {
                            let probe = $crate::__private::Probe::of(&error);
                            (&&probe).failure()((&&probe).judge(), error)
                        }
                    }
                })
            })
        }
    };
}
