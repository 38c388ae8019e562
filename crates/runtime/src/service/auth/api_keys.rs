use std::collections::HashMap;

use steadfast_actors::rejection::Rejection;

use super::{AuthRequest, Authenticator, Principal};

/// Knows API keys, sent as `X-API-Key`.
///
/// Only their digests are kept, so that neither a dump of the memory nor the time of a look-up tells a key.
#[derive(Clone)]
pub struct ApiKeys {
    header: String,
    /// By the key's digest; never iterated.
    names: HashMap<[u8; 32], String>,
}

impl Default for ApiKeys {
    fn default() -> Self {
        ApiKeys { header: "X-API-Key".to_owned(), names: HashMap::new() }
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeys").field("keys", &self.names.len()).finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// No key yet.
    #[must_use]
    pub fn new() -> Self {
        ApiKeys::default()
    }

    /// The same with a key more; `name` is what limiters, stores and logs see of it.
    #[must_use]
    pub fn with_key(mut self, name: impl Into<String>, key: impl AsRef<[u8]>) -> Self {
        self.names.insert(blake3::hash(key.as_ref()).into(), name.into());
        self
    }

    /// The same, read from another header.
    #[must_use]
    pub fn in_header(mut self, header: impl Into<String>) -> Self {
        self.header = header.into();
        self
    }
}

impl Authenticator for ApiKeys {
    async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        let Some(key) = request.single_header(&self.header) else { return Ok(None) };
        let digest: [u8; 32] = blake3::hash(key.as_bytes()).into();
        match self.names.get(&digest) {
            Some(name) => Ok(Some(Principal::new().with_api_key(name))),
            None => Err(Rejection::unauthenticated("the API key is not known")),
        }
    }

    fn challenge(&self) -> Option<&str> {
        Some("ApiKey")
    }
}
