use steadfast_actors::limiter::LimiterConfig;
use steadfast_actors::registry::Registry;

use super::{ApiKeys, Authentication, Authenticator, Authenticators, FailedAttempts};
use crate::config::{ConfigError, Layers};
use crate::runtime::RuntimeBuilder;

/// What a builder was told of authentication.
#[derive(Debug, Default)]
pub(crate) struct AuthOptions {
    authenticators: Authenticators,
    api_keys: Option<ApiKeys>,
    mistakes: Vec<String>,
}

/// The same, checked.
pub(crate) struct CheckedAuth {
    authenticators: Authenticators,
    failures: LimiterConfig,
}

impl AuthOptions {
    pub(crate) fn check(mut self, layers: &Layers) -> Result<CheckedAuth, ConfigError> {
        if !self.mistakes.is_empty() {
            return Err(ConfigError::new(self.mistakes));
        }
        if let Some(keys) = self.api_keys {
            self.authenticators.add(keys);
        }
        let failures = FailedAttempts::config(layers)?;
        Ok(CheckedAuth { authenticators: self.authenticators, failures })
    }
}

impl CheckedAuth {
    /// Starts counting failed attempts, where there can be any.
    pub(crate) fn start(self, registry: &Registry) -> Authentication {
        let CheckedAuth { authenticators, failures } = self;
        if authenticators.is_empty() {
            return Authentication::default();
        }
        // Declared before any site, so nobody can have declared it otherwise.
        let failed = FailedAttempts::declared(registry, failures).unwrap_or_default();
        Authentication { authenticators, failed }
    }
}

/// Who calls.
impl RuntimeBuilder {
    /// Asks this authenticator, after those that were added before.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.auth.authenticators.add(authenticator);
        self
    }

    /// Knows bearer tokens (JWT) that are signed with this shared secret of at least 32 bytes; see
    /// [`Jwt`](super::Jwt).
    #[cfg(feature = "jwt")]
    pub fn jwt_hs256(self, secret: impl AsRef<[u8]>) -> Self {
        self.jwt("jwt_hs256", super::Jwt::hs256(secret))
    }

    /// Knows bearer tokens (JWT) that are signed with the private key of this public RSA key (PEM).
    #[cfg(feature = "jwt")]
    pub fn jwt_rs256(self, public_key: impl AsRef<[u8]>) -> Self {
        self.jwt("jwt_rs256", super::Jwt::rs256(public_key))
    }

    #[cfg(feature = "jwt")]
    fn jwt(mut self, method: &str, jwt: Result<super::Jwt, super::InvalidKey>) -> Self {
        match jwt {
            Ok(jwt) => return self.authenticator(jwt),
            Err(error) => self.auth.mistakes.push(format!("{method}: {error}")),
        }
        self
    }

    /// Knows this API key, sent as `X-API-Key`, by a name that limiters, stores and logs see of it.
    pub fn api_key(mut self, name: impl Into<String>, key: impl AsRef<[u8]>) -> Self {
        self.auth.api_keys = Some(self.auth.api_keys.take().unwrap_or_default().with_key(name, key));
        self
    }
}
