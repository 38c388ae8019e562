use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Who calls, as an authenticator found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    user: Option<String>,
    api_key: Option<String>,
    roles: BTreeSet<String>,
    claims: Map<String, Value>,
}

impl Principal {
    /// Nobody in particular, to be completed.
    #[must_use]
    pub fn new() -> Self {
        Principal::default()
    }

    /// The same with a user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The same with a verified API key, by its name: the key itself is a secret and stays with the authenticator.
    #[must_use]
    pub fn with_api_key(mut self, name: impl Into<String>) -> Self {
        self.api_key = Some(name.into());
        self
    }

    /// The same with a role more.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.roles.insert(role.into());
        self
    }

    /// The same with what else an authenticator found out, such as the claims of a token.
    #[must_use]
    pub fn with_claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = claims;
        self
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The name of the verified API key.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    /// Whether it has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// One of the claims.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// All claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
