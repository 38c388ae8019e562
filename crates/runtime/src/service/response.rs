//! An answer that can be sent, stored and replayed.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use steadfast_actors::rejection::Rejection;

use crate::outcome::probe::Responds;

/// Headers that belong to one exchange and are left out of a replay.
const OF_ONE_EXCHANGE: [&str; 9] = [
    "set-cookie",
    "date",
    "authorization",
    "www-authenticate",
    "authentication-info",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "connection",
];

/// An answer of a handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcResponse {
    code: i32,
    status: u16,
    headers: Vec<(String, String)>,
    /// JSON; a text, so that a replay sends the very bytes that were sent first.
    #[serde(deserialize_with = "json")]
    payload: String,
    degraded: bool,
    replayed: bool,
}

fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(D::Error::custom)?;
    Ok(text)
}

impl RpcResponse {
    /// An answer with `value` as its payload. Code 0 is a plain success; another one is the service's own and travels
    /// as `Rpc-Code`. Where it is a status of HTTP from 200 on, it is the answer's status too.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where the value cannot be written as JSON, such as a map whose keys are no texts.
    pub fn success<T: Serialize + ?Sized>(value: &T, code: i32) -> Result<Self, Rejection> {
        let payload = serde_json::to_string(value).map_err(|error| {
            Rejection::misconfigured("response", format!("the payload cannot be written as JSON: {error}"))
        })?;
        let status = u16::try_from(code).ok().filter(|status| (200..=599).contains(status)).unwrap_or(200);
        Ok(RpcResponse { code, status, headers: Vec::new(), payload, degraded: false, replayed: false })
    }

    /// The same with an HTTP status of its own; one outside of 200 to 599 is 500.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = if (200..=599).contains(&status) { status } else { 500 };
        self
    }

    /// The same with a header more.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The code that the handler gave.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The HTTP status. An answer with a 5xx is a failure to every layer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Headers that the handler set, in their order.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The payload as a `T`.
    ///
    /// # Errors
    /// What serde says where it is not one.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }

    /// The payload as JSON.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.payload
    }

    /// Whether something was left out of it, or a fallback gave it.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.degraded
    }

    /// Whether an idempotency store gave it.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }
}

impl Responds for RpcResponse {
    fn status(&self) -> u16 {
        self.status
    }

    fn mark_degraded(&mut self) {
        self.degraded = true;
    }

    fn mark_replayed(&mut self) {
        self.replayed = true;
        self.headers
            .retain(|(name, _)| !OF_ONE_EXCHANGE.iter().any(|exchange| name.eq_ignore_ascii_case(exchange)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::probe::codec;

    #[test]
    fn code_zero_is_a_plain_success_and_a_code_that_is_a_status_is_the_status() {
        for (code, status) in
            [(0, 200), (7, 200), (201, 201), (503, 503), (-1, 200), (100, 200), (70_000, 200)]
        {
            let response = RpcResponse::success(&(), code).unwrap();
            assert_eq!((response.code(), response.status()), (code, status));
        }
        assert_eq!(RpcResponse::success(&(), 0).unwrap().with_status(99).status(), 500);
    }

    #[test]
    fn a_stored_answer_comes_back_with_the_same_bytes() {
        let value = serde_json::json!({ "b": 1, "a": [0.1, null], "text": "\u{e9}" });
        let response = RpcResponse::success(&value, 201).unwrap().with_header("Location", "/orders/7");
        let codec = codec::<RpcResponse>();
        assert_eq!((codec.decode)(&(codec.encode)(&response).unwrap()), Some(response.clone()));
        let json = serde_json::to_string(&response).unwrap();
        assert_eq!(serde_json::from_str::<RpcResponse>(&json).unwrap(), response);
        assert!(serde_json::from_str::<RpcResponse>(&json.replace("[0.1", "[")).is_err());
    }

    #[test]
    fn a_replay_leaves_out_what_belonged_to_the_first_exchange() {
        let mut response = RpcResponse::success("x", 0)
            .unwrap()
            .with_header("Set-Cookie", "session=1")
            .with_header("RateLimit", "\"user\";r=3;t=42")
            .with_header("Location", "/orders/7");
        response.mark_replayed();
        assert!(response.is_replayed() && !response.is_degraded());
        assert_eq!(response.headers(), [("Location".to_owned(), "/orders/7".to_owned())]);
    }

    #[test]
    fn a_payload_that_is_no_json_is_an_error_and_never_an_empty_answer() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(RpcResponse::success(&map, 0), Err(Rejection::Misconfigured { .. })));
    }
}
