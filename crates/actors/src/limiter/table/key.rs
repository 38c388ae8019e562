use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Longer keys are kept as their digest: what an outsider sends must not decide how much memory it takes.
pub(in crate::limiter) const LONGEST_TEXT: usize = 64;

/// A key as it is kept. The two forms never meet, so no text can pass for a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::limiter) enum Key {
    Text(Box<str>),
    Digest(Box<[u8; 32]>),
}

/// A key as it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought<'a> {
    Text(&'a str),
    Digest([u8; 32]),
}

impl<'a> Sought<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        if text.len() <= LONGEST_TEXT {
            Sought::Text(text)
        } else {
            Sought::Digest(*blake3::hash(text.as_bytes()).as_bytes())
        }
    }

    pub(super) fn kept(self) -> Key {
        match self {
            Sought::Text(text) => Key::Text(text.into()),
            Sought::Digest(digest) => Key::Digest(Box::new(digest)),
        }
    }

    /// Where it hashes to. Keyed: who sends keys must not be able to foresee which of them meet.
    pub(super) fn hash(self, secret: u64) -> u32 {
        let mut hasher = SipHasher13::new_with_keys(secret, !secret);
        match self {
            Sought::Text(text) => hasher.write(text.as_bytes()),
            Sought::Digest(digest) => hasher.write(&digest),
        }
        u32::try_from(hasher.finish() >> 32).unwrap_or(0)
    }
}

impl Key {
    pub(super) fn sought(&self) -> Sought<'_> {
        match self {
            Key::Text(text) => Sought::Text(text),
            Key::Digest(digest) => Sought::Digest(**digest),
        }
    }
}
