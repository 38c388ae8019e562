//! Who may come in: users with a signed token, and one partner with an API key.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use steadfast::Runtime;
use steadfast::service::auth::Jwt;

/// What tokens are signed with, HS256. It is known to everybody, as the shop is a demonstration.
const SECRET: &str = "storefront-demo";

/// The partner's key.
pub(crate) const API_KEY: &str = "storefront-partner-demo";

/// How long the token is good that the shop prints when it starts.
const A_DAY: u64 = 24 * 60 * 60;

/// Reads tokens; `sub` is the user.
pub(crate) fn tokens() -> Result<Jwt, steadfast::service::auth::InvalidKey> {
    Jwt::hs256_of_any_length(SECRET)
}

/// A token for `user`.
pub(crate) fn token(user: &str, runtime: &Runtime) -> Result<String, jsonwebtoken::errors::Error> {
    let now = runtime.clock().wall().as_nanos() / 1_000_000_000;
    let claims = json!({ "sub": user, "exp": now + A_DAY });
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}
