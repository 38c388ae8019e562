//! A request as handlers see it: from HTTP, or built in code.
//!
//! | what it holds | counts for the fingerprint | why |
//! |---|---|---|
//! | method, route, path and query parameters, payload | yes | they say what is asked for |
//! | headers, address, token, deadline | no | they say who asks, from where and how urgently: a repeat differs in them |
//!
//! What a message lacks is a [`Rejection`], so that `?` works in a handler of any error type that can carry one, and
//! a `String` that passed through the handler is still known as that very refusal.

mod builder;
mod canonical;
mod content;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use steadfast_actors::rejection::{FieldProblem, Rejection};

pub use builder::{IntoAddress, MessageBuilder};
pub(crate) use canonical::canonical;

use super::auth::Principal;
use crate::pipeline::note_refusal;

/// A request; cheap to clone, all clones are the same one.
#[derive(Clone, Default)]
pub struct Message {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    method: String,
    route: String,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    peer: Option<IpAddr>,
    client: Option<IpAddr>,
    /// Filled once, by whoever built the message or by authentication.
    principal: OnceLock<Principal>,
}

impl Message {
    /// Builds a message without HTTP.
    ///
    /// # Example
    /// ```
    /// use steadfast::service::Message;
    ///
    /// let message = Message::builder()
    ///     .user_id("u1")
    ///     .path_param("id", "7")
    ///     .payload(&serde_json::json!({ "amount": 3 }))?
    ///     .build();
    /// assert_eq!(message.get_path_param("id")?, "7");
    /// # Ok::<(), steadfast::Rejection>(())
    /// ```
    pub fn builder() -> MessageBuilder {
        MessageBuilder::default()
    }

    /// The HTTP method; empty where it did not come by HTTP.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.inner.method
    }

    /// The route as its handler declares it, `/orders/:id`; empty where there is none.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.inner.route
    }

    /// The socket's other end.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.inner.peer
    }

    /// Who called as far as addresses tell: the peer, or what trusted proxies say of it.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.inner.client.or(self.inner.peer)
    }

    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every header of that name, in the order of their coming.
    pub fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all_headers().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every header with its name.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inner.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first query parameter of that name.
    #[must_use]
    pub fn get_query_param(&self, name: &str) -> Option<&str> {
        self.inner.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the path, else the query parameter of that name.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] (400) where there is neither.
    pub fn get_path_param(&self, name: &str) -> Result<String, Rejection> {
        let found = self.inner.path.get(name).map(String::as_str).or_else(|| self.get_query_param(name));
        found.map(str::to_owned).ok_or_else(|| {
            let message = "is missing from path and query".to_owned();
            noted(Rejection::malformed(vec![FieldProblem { field: name.to_owned(), message }]))
        })
    }

    /// The values of the path's parameters, in the order of their names.
    pub(crate) fn path_values(&self) -> impl Iterator<Item = &str> {
        self.inner.path.values().map(String::as_str)
    }

    /// Who calls, once that is known.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.inner.principal.get()
    }

    /// The user who calls.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] (401) where no user is known.
    pub fn get_user_id(&self) -> Result<String, Rejection> {
        let user = self.principal().and_then(Principal::user);
        user.map(str::to_owned)
            .ok_or_else(|| noted(Rejection::unauthenticated("no user is known of this request")))
    }

    /// Tells this message, and all its clones, who calls. Only the first to say so is heard: whether that was this
    /// one is returned.
    pub(crate) fn identify(&self, principal: Principal) -> bool {
        self.inner.principal.set(principal).is_ok()
    }

    /// The payload as it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.inner.body
    }

    /// The payload as a `T`; an empty one is read from the query, where numbers and booleans stand as text.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] (400) naming the field that cannot be read.
    pub fn deserialize_payload<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        let read = if self.inner.body.is_empty() {
            query::read(&self.inner.query)
        } else {
            let mut reader = serde_json::Deserializer::from_slice(&self.inner.body);
            let value = serde_path_to_error::deserialize(&mut reader).map_err(content::problem_of);
            value.and_then(|value| reader.end().map(|()| value).map_err(content::trailing))
        };
        read.map_err(|problem| noted(Rejection::malformed(vec![problem])))
    }
}

/// Lets the call around remember the refusal, so that it is known again after a handler made a text of it.
pub(crate) fn noted(rejection: Rejection) -> Rejection {
    note_refusal(&rejection);
    rejection
}

impl std::fmt::Debug for Message {
    /// Neither payload nor headers: both may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("method", &self.inner.method)
            .field("route", &self.inner.route)
            .field("client", &self.client())
            .field("body_bytes", &self.inner.body.len())
            .finish_non_exhaustive()
    }
}
