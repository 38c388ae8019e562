use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

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

/// What sets a site's keys apart from those of other sites; made once, it is shared by all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    name: Arc<str>,
    /// As much of it as operators are shown.
    shown: Arc<str>,
}

/// How much of a scope is shown in the name of a record.
const SHOWN_SCOPE: usize = 64;

impl Scope {
    /// The scope of that name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let end = name.char_indices().nth(SHOWN_SCOPE).map_or(name.len(), |(end, _)| end);
        Scope { name: name.into(), shown: name[..end].into() }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The record of a key that the client, or an argument, names. `path` holds the values of the route's path parameters,
    /// in the route's order.
    ///
    /// # Errors
    /// [`ConflictReason::BadKey`] unless it is 1 to 255 visible characters.
    pub fn explicit(
        &self,
        principal: Principal<'_>,
        path: &[&str],
        key: &str,
    ) -> Result<RecordKey, ConflictReason> {
        if !is_visible(key) {
            return Err(ConflictReason::BadKey);
        }
        Ok(self.key(principal, path, Sort::Explicit, key.as_bytes()))
    }

    /// The record of a call without a key: equal calls are one.
    #[must_use]
    pub fn fingerprinted(
        &self,
        principal: Principal<'_>,
        path: &[&str],
        fingerprint: &Fingerprint,
    ) -> RecordKey {
        self.key(principal, path, Sort::Fingerprinted, fingerprint)
    }

    fn key(&self, principal: Principal<'_>, path: &[&str], sort: Sort, key: &[u8]) -> RecordKey {
        static CONTEXT: LazyLock<ContextKey> =
            LazyLock::new(|| hash_derive_key_context("steadfast idempotency key v1"));
        let mut parts = Parts::new(&CONTEXT);
        parts.push(self.name.as_bytes());
        let (kind, who) = match principal {
            Principal::Anyone => ("anyone", ""),
            Principal::User(who) => ("user", who),
            Principal::ApiKey(who) => ("api_key", who),
        };
        parts.push(kind.as_bytes());
        parts.push(who.as_bytes());
        parts.push(&(path.len() as u64).to_le_bytes());
        for value in path {
            parts.push(value.as_bytes());
        }
        parts.push(match sort {
            Sort::Fingerprinted => b"fingerprint",
            Sort::Explicit | Sort::Named => b"key",
        });
        parts.push(key);
        RecordKey { digest: parts.finish(), sort, scope: Arc::clone(&self.shown) }
    }
}

/// The name of one record: the scope's first characters, for operators, and a digest of all that sets it apart.
///
/// A digest, because keys and principals come from outside: it bounds what one record takes, and neither logs nor
/// snapshots hold a key that could be replayed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    digest: Fingerprint,
    sort: Sort,
    scope: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// A client, or an argument, named it.
    Explicit,
    /// It is made of what the call asks for.
    Fingerprinted,
    /// A text that is no name of a record stands for itself.
    Named,
}

/// The longest key that a client may send.
const LONGEST_KEY: usize = 255;
/// Characters of a digest.
const DIGEST: usize = 64;

impl Sort {
    /// What stands between the scope and the digest.
    fn mark(self) -> Option<char> {
        match self {
            Sort::Explicit => Some('#'),
            Sort::Fingerprinted => Some('~'),
            Sort::Named => None,
        }
    }
}

impl RecordKey {
    /// The record of a key that the client, or an argument, names.
    ///
    /// # Errors
    /// [`ConflictReason::BadKey`] unless it is 1 to 255 visible characters.
    pub fn explicit(space: KeySpace<'_>, key: &str) -> Result<Self, ConflictReason> {
        Scope::new(space.scope).explicit(space.principal, space.path, key)
    }

    /// The record of a call without a key: equal calls are one.
    #[must_use]
    pub fn fingerprinted(space: KeySpace<'_>, fingerprint: &Fingerprint) -> Self {
        Scope::new(space.scope).fingerprinted(space.principal, space.path, fingerprint)
    }

    /// Whether a client, or an argument, named it.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.sort == Sort::Explicit
    }

    /// The end of its digest: who looks a key up need not go through all of it.
    pub(super) fn number(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.digest;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Whether a client may send it: 1 to 255 characters, none of them invisible.
fn is_visible(key: &str) -> bool {
    // What nearly all clients send is looked at byte by byte.
    if key.len() <= LONGEST_KEY && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return !key.is_empty();
    }
    let length = key.chars().count();
    (1..=LONGEST_KEY).contains(&length) && !key.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A digest of parts, each behind its length: no two lists of parts make the same bytes. What is short, as nearly all is, is
/// put together first: a hasher is large.
struct Parts<'a> {
    context: &'a ContextKey,
    bytes: [u8; 256],
    length: usize,
    long: Option<Box<blake3::Hasher>>,
}

impl<'a> Parts<'a> {
    fn new(context: &'a ContextKey) -> Self {
        Parts { context, bytes: [0; 256], length: 0, long: None }
    }

    fn push(&mut self, part: &[u8]) {
        self.write(&(part.len() as u64).to_le_bytes());
        self.write(part);
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.length..self.length + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => {
                let hasher = self
                    .long
                    .get_or_insert_with(|| Box::new(blake3::Hasher::new_from_context_key(self.context)));
                hasher.update(&self.bytes[..self.length]).update(bytes);
                self.length = 0;
            }
        }
    }

    fn finish(self) -> Fingerprint {
        let rest = &self.bytes[..self.length];
        let digest = match self.long {
            Some(mut hasher) => hasher.update(rest).finalize(),
            None => blake3::Hasher::new_from_context_key(self.context).update(rest).finalize(),
        };
        *digest.as_bytes()
    }
}

/// Operators name a record by the text that events and lists show.
impl From<&str> for RecordKey {
    fn from(name: &str) -> Self {
        let made = name.len().checked_sub(DIGEST).and_then(|start| name.split_at_checked(start));
        let made = made.and_then(|(scope, digest)| {
            let sort = [Sort::Explicit, Sort::Fingerprinted];
            let (sort, scope) =
                sort.into_iter().find_map(|sort| Some((sort, scope.strip_suffix(sort.mark()?)?)))?;
            // In the one way in which it is written.
            let digest =
                blake3::Hash::from_hex(digest).ok().filter(|read| read.to_hex().as_str() == digest)?;
            Some(RecordKey { digest: *digest.as_bytes(), sort, scope: scope.into() })
        });
        let named =
            || RecordKey { digest: fingerprint(name.as_bytes()), sort: Sort::Named, scope: name.into() };
        made.unwrap_or_else(named)
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scope)?;
        match self.sort.mark() {
            Some(mark) => write!(f, "{mark}{}", blake3::Hash::from_bytes(self.digest).to_hex()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordKey({self})")
    }
}

impl Hash for RecordKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

/// Finds records by the digest that their keys carry. Whoever may choose keys could choose many whose digests end alike:
/// mixed with a number that they don't know, those come to stand apart all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyState(u64);

impl KeyState {
    pub(super) fn new(random: u64) -> Self {
        KeyState(random)
    }
}

impl BuildHasher for KeyState {
    type Hasher = Mixed;

    fn build_hasher(&self) -> Mixed {
        Mixed(self.0)
    }
}

/// The hash of one key.
#[derive(Debug)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    /// A folded multiplication spreads every bit over all others (as in wyhash).
    fn write_u64(&mut self, hash: u64) {
        let product = u128::from(self.0 ^ hash) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
