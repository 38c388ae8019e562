use std::fmt;
use std::time::Duration;

use jsonwebtoken::crypto::rust_crypto;
use jsonwebtoken::errors::ErrorKind as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};
use steadfast_actors::rejection::Rejection;

use super::{AuthRequest, Authenticator, Principal};

/// Reads bearer tokens (JWT).
///
/// | rule | why |
/// |---|---|
/// | the algorithm is the configured key's; what the token names must be the same | a token that chooses how it is checked can be forged |
/// | `exp` is required | a token that never ends cannot be taken back |
/// | an `aud` that is not ours is refused, also where none is configured (RFC 7519) | it was given to somebody else |
/// | 30 s of leeway for `exp` and `nbf` | clocks differ; more would make short tokens long |
///
/// `sub` is the user; `roles` (a list) and `scope` (words) are the roles.
#[derive(Clone)]
pub struct Jwt {
    key: DecodingKey,
    validation: Validation,
    leeway: Duration,
}

/// A key that tokens cannot be checked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(String);

/// RFC 7518 3.2: a key of at least the size of the hash.
const SHORTEST_SECRET: usize = 32;
const LEEWAY: Duration = Duration::from_secs(30);

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("algorithms", &self.validation.algorithms).finish_non_exhaustive()
    }
}

impl Jwt {
    /// Tokens that are signed with this shared secret.
    ///
    /// # Errors
    /// A secret of fewer than 32 bytes: it could be guessed from one token.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        let secret = secret.as_ref();
        if secret.len() < SHORTEST_SECRET {
            let message = format!("a secret for HS256 has at least 32 bytes, this one has {}", secret.len());
            return Err(InvalidKey(message));
        }
        Self::hs256_of_any_length(secret)
    }

    /// The same with a secret that may be short, for demonstrations and tests: whoever sees one token can guess it.
    ///
    /// # Errors
    /// An empty secret: every token would be signed with it.
    pub fn hs256_of_any_length(secret: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        let secret = secret.as_ref();
        if secret.is_empty() {
            return Err(InvalidKey("a secret for HS256 is not empty".to_owned()));
        }
        Ok(Self::new(Algorithm::HS256, DecodingKey::from_secret(secret)))
    }

    /// Tokens that are signed with the private key of this public one (PEM).
    ///
    /// # Errors
    /// What is no public RSA key.
    pub fn rs256(public_key: impl AsRef<[u8]>) -> Result<Self, InvalidKey> {
        DecodingKey::from_rsa_pem(public_key.as_ref())
            .map(|key| Self::new(Algorithm::RS256, key))
            .map_err(|error| InvalidKey(format!("no public RSA key in PEM: {error}")))
    }

    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        // Another crate's features may bring a second provider, and then none is the default.
        let _ = rust_crypto::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp"]);
        // Times are checked against the runtime's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Jwt { key, validation, leeway: LEEWAY }
    }

    /// The same for tokens of this issuer alone.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.validation.set_issuer(&[issuer]);
        self.validation.required_spec_claims.insert("iss".to_owned());
        self
    }

    /// The same for tokens that are meant for this audience.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.validation.set_audience(&[audience]);
        self.validation.required_spec_claims.insert("aud".to_owned());
        self
    }

    /// The same with another tolerance for clocks that differ.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    fn read(&self, token: &str, now: u64) -> Result<Principal, &'static str> {
        let decoded = decode::<Map<String, Value>>(token, &self.key, &self.validation);
        let claims = decoded.map_err(|error| problem(error.kind()))?.claims;
        let leeway = self.leeway.as_secs();
        let ends = seconds(&claims, "exp")?.ok_or("the token has no end")?;
        if now >= ends.saturating_add(leeway) {
            return Err("the token has expired");
        }
        if seconds(&claims, "nbf")?.is_some_and(|begins| now.saturating_add(leeway) < begins) {
            return Err("the token is not valid yet");
        }
        let user = claims.get("sub").and_then(Value::as_str).filter(|user| !user.is_empty());
        let mut principal = Principal::new().with_user(user.ok_or("the token names no user")?);
        for role in roles(&claims) {
            principal = principal.with_role(role);
        }
        Ok(principal.with_claims(claims))
    }
}

/// A point in time; a fraction of a second is dropped.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, &'static str> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let fraction =
        || value.as_f64().filter(|seconds| (0.0..1e15).contains(seconds)).map(|seconds| seconds as u64);
    value.as_u64().or_else(fraction).map(Some).ok_or("a time in the token is no time")
}

fn roles(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let listed = claims.get("roles").and_then(Value::as_array).into_iter().flatten();
    let words = claims.get("scope").and_then(Value::as_str).unwrap_or_default().split_ascii_whitespace();
    listed.filter_map(Value::as_str).chain(words)
}

/// What the caller is told: enough to mend a client, nothing that helps to forge a token.
fn problem(error: &JwtError) -> &'static str {
    match error {
        JwtError::MissingRequiredClaim(_) => "the token lacks a claim that is required",
        JwtError::InvalidIssuer => "the token is from another issuer",
        JwtError::InvalidAudience => "the token is meant for another audience",
        _ => "the token is not valid",
    }
}

impl Authenticator for Jwt {
    async fn authenticate(&self, request: &AuthRequest<'_>) -> Result<Option<Principal>, Rejection> {
        let Some(token) = request.bearer() else { return Ok(None) };
        self.read(token, request.unix_seconds()).map(Some).map_err(Rejection::unauthenticated)
    }

    fn challenge(&self) -> Option<&str> {
        Some("Bearer")
    }
}
