use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use steadfast_actors::clock::WallTime;
use steadfast_actors::rejection::Rejection;

use super::Principal;
use crate::service::Message;

/// Finds out who sent a message.
///
/// ```
/// use steadfast::Rejection;
/// use steadfast::service::auth::{AuthRequest, Authenticator, Principal};
///
/// struct Sessions;
///
/// impl Authenticator for Sessions {
///     async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
///         let Some(session) = request.message().header("X-Session") else { return Ok(None) };
///         match session {
///             "s1" => Ok(Some(Principal::new().with_user("u1"))),
///             _ => Err(Rejection::unauthenticated("the session is not known")),
///         }
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Who it is; `None` where the message carries no credentials of this sort, so that the next one is asked.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] for credentials that are wrong, which counts against the peer; any other refusal
    /// where nothing can be said of them, such as [`Rejection::Unavailable`].
    fn authenticate(
        &self,
        request: &AuthRequest<'_>,
    ) -> impl Future<Output = Result<Option<Principal>, Rejection>> + Send;

    /// What a refused caller is asked for, as `WWW-Authenticate` says it.
    fn challenge(&self) -> Option<&str> {
        None
    }
}

/// A message whose sender is to be found out.
#[derive(Clone, Copy, Debug)]
pub struct AuthRequest<'a> {
    message: &'a Message,
    at: WallTime,
}

impl<'a> AuthRequest<'a> {
    pub(super) fn new(message: &'a Message, at: WallTime) -> Self {
        AuthRequest { message, at }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &'a Message {
        self.message
    }

    /// The time by the runtime's clock, in seconds since the Unix epoch.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.at.as_nanos() / 1_000_000_000
    }

    /// The value of a header that stands once; a credential that is given twice is none.
    #[must_use]
    pub fn single_header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.message.headers(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// The token of `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self) -> Option<&'a str> {
        let (scheme, token) = self.single_header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }
}

type Found<'a> = Pin<Box<dyn Future<Output = Result<Option<Principal>, Rejection>> + Send + 'a>>;

/// An [`Authenticator`] of any type.
trait Any: Send + Sync {
    fn find<'a>(&'a self, request: &'a AuthRequest<'a>) -> Found<'a>;
    fn challenge(&self) -> Option<&str>;
}

impl<A: Authenticator> Any for A {
    fn find<'a>(&'a self, request: &'a AuthRequest<'a>) -> Found<'a> {
        Box::pin(self.authenticate(request))
    }

    fn challenge(&self) -> Option<&str> {
        Authenticator::challenge(self)
    }
}

/// The authenticators of one runtime, in the order in which they are asked.
#[derive(Clone, Default)]
pub(crate) struct Authenticators(Vec<Arc<dyn Any>>);

impl fmt::Debug for Authenticators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authenticators").field(&self.0.len()).finish()
    }
}

impl Authenticators {
    pub(crate) fn add(&mut self, authenticator: impl Authenticator) {
        self.0.push(Arc::new(authenticator));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a refused caller is asked for.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "the HTTP server says it"))]
    pub(crate) fn challenges(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|authenticator| authenticator.challenge())
    }

    /// Who sent the message; `None` where it carries no credentials of any sort.
    pub(super) async fn find(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        for authenticator in &self.0 {
            if let Some(principal) = authenticator.find(request).await? {
                return Ok(Some(principal));
            }
        }
        Ok(None)
    }
}
