use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::rejection::ConflictReason;

/// The digest (blake3) of what a call asks for: method, route, path and query parameters, payload.
pub type Fingerprint = [u8; 32];

/// The fingerprint of a payload in bytes.
#[must_use]
pub fn fingerprint(payload: &[u8]) -> Fingerprint {
    *blake3::hash(payload).as_bytes()
}

/// Whose key it is. Typed, so that a user and an API key of the same text never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The site has no way to know: all callers share one key space.
    Anyone,
    /// The authenticated user.
    User(&'a str),
    /// The verified API key.
    ApiKey(&'a str),
}

/// What stands in front of a key, so that an equal key of another user, route or path value never meets it.
#[derive(Clone, Copy, Debug)]
pub struct KeySpace<'a> {
    /// The site's `name`, else its route, else its path: it must survive a deploy.
    pub scope: &'a str,
    /// Whose key it is.
    pub principal: Principal<'a>,
    /// The values of the route's path parameters, in the route's order.
    pub path: &'a [&'a str],
}

/// The name of one record: the scope's first characters, for operators, and a digest of all that sets it apart.
///
/// A digest, because keys and principals come from outside: it bounds what one record takes, and neither logs nor
/// snapshots hold a key that could be replayed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Arc<str>);

/// The longest key that a client may send.
const LONGEST_KEY: usize = 255;
/// What stands between the scope and the digest of a key that was named.
const EXPLICIT: char = '#';
/// Characters of a digest.
const DIGEST: usize = 64;
/// How much of a scope is shown in the name of a record.
const SHOWN_SCOPE: usize = 64;

impl RecordKey {
    /// The record of a key that the client, or an argument, names.
    ///
    /// # Errors
    /// [`ConflictReason::BadKey`] unless it is 1 to 255 visible characters.
    pub fn explicit(space: KeySpace<'_>, key: &str) -> Result<Self, ConflictReason> {
        let length = key.chars().count();
        if length == 0 || length > LONGEST_KEY || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(ConflictReason::BadKey);
        }
        Ok(Self::new(space, "key", EXPLICIT, key.as_bytes()))
    }

    /// The record of a call without a key: equal calls are one.
    #[must_use]
    pub fn fingerprinted(space: KeySpace<'_>, fingerprint: &Fingerprint) -> Self {
        Self::new(space, "fingerprint", '~', fingerprint)
    }

    /// Whether a client, or an argument, named it.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.0.chars().rev().nth(DIGEST) == Some(EXPLICIT)
    }

    fn new(space: KeySpace<'_>, sort: &str, mark: char, key: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("steadfast idempotency key v1");
        // Each part stands behind its length: no two lists of parts make the same bytes.
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(space.scope.as_bytes());
        let (kind, who) = match space.principal {
            Principal::Anyone => ("anyone", ""),
            Principal::User(who) => ("user", who),
            Principal::ApiKey(who) => ("api_key", who),
        };
        part(kind.as_bytes());
        part(who.as_bytes());
        part(&(space.path.len() as u64).to_le_bytes());
        for value in space.path {
            part(value.as_bytes());
        }
        part(sort.as_bytes());
        part(key);
        let mut name: String = space.scope.chars().take(SHOWN_SCOPE).collect();
        let _ = write!(name, "{mark}{}", hasher.finalize().to_hex());
        RecordKey(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Operators name a record by the text that events and lists show.
impl From<&str> for RecordKey {
    fn from(name: &str) -> Self {
        RecordKey(name.into())
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
