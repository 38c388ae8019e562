use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::Serialize;
use steadfast_actors::rejection::{FieldProblem, Rejection};

use super::{Inner, Message};
use crate::service::auth::Principal;

/// Builds a [`Message`] in code.
#[must_use = "a builder does nothing until it is built"]
#[derive(Default)]
pub struct MessageBuilder {
    inner: Inner,
    principal: Option<Principal>,
}

impl std::fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageBuilder").field("route", &self.inner.route).finish_non_exhaustive()
    }
}

impl MessageBuilder {
    /// The user who calls. A message built in code is trusted: its user counts as authenticated.
    pub fn user_id(mut self, user: impl Into<String>) -> Self {
        self.principal = Some(self.principal.take().unwrap_or_default().with_user(user));
        self
    }

    /// The API key that calls, by its name. It counts as verified.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.principal = Some(self.principal.take().unwrap_or_default().with_api_key(key));
        self
    }

    /// A role of who calls.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.principal = Some(self.principal.take().unwrap_or_default().with_role(role));
        self
    }

    /// The address that calls. A text that is none leaves the message without: it then shares the quota of all who
    /// are not known.
    pub fn ip(mut self, address: impl IntoAddress) -> Self {
        self.inner.peer = address.into_address();
        self
    }

    /// What trusted proxies say of the address that calls.
    #[cfg(feature = "http")]
    pub(crate) fn client(mut self, client: IpAddr) -> Self {
        self.inner.client = Some(client);
        self
    }

    /// Method and route, as a handler declares them: `("GET", "/orders/:id")`.
    pub fn route(mut self, method: impl Into<String>, route: impl Into<String>) -> Self {
        self.inner.method = method.into();
        self.inner.route = route.into();
        self
    }

    /// A header; the same name may stand several times.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.headers.push((name.into(), value.into()));
        self
    }

    /// A parameter of the path.
    pub fn path_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.path.insert(name.into(), value.into());
        self
    }

    /// A query parameter; the same name may stand several times.
    pub fn query_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.query.push((name.into(), value.into()));
        self
    }

    /// The payload, as JSON.
    ///
    /// # Errors
    /// What serde says where the value cannot be written as JSON.
    pub fn payload<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, Rejection> {
        self.inner.body = serde_json::to_vec(value).map_err(|error| {
            let message = format!("cannot be written as JSON: {error}");
            Rejection::malformed(vec![FieldProblem { field: "payload".to_owned(), message }])
        })?;
        Ok(self)
    }

    /// The payload, as bytes that are sent on as they are.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner.body = bytes.into();
        self
    }

    /// The message.
    #[must_use]
    pub fn build(self) -> Message {
        let message = Message { inner: Arc::new(self.inner) };
        if let Some(principal) = self.principal {
            message.identify(principal);
        }
        message
    }
}

/// What can be read as an address.
pub trait IntoAddress: sealed::Sealed {
    /// The address, if it is one.
    fn into_address(self) -> Option<IpAddr>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! addresses {
    ($($type:ty: $read:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl IntoAddress for $type {
            fn into_address(self) -> Option<IpAddr> {
                $read(self)
            }
        }
    )*};
}

addresses! {
    IpAddr: Some;
    Ipv4Addr: |address| Some(IpAddr::V4(address));
    Ipv6Addr: |address| Some(IpAddr::V6(address));
    &str: |text: &str| text.parse().ok();
    String: |text: String| text.parse().ok();
}
