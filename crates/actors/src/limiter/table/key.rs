use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Longer keys are kept as their digest: what an outsider sends must not decide how much memory it takes.
pub(in crate::limiter) const LONGEST_TEXT: usize = 64;

/// A key as it is kept: its text, or [`DIGEST`] and its digest. The two forms never meet, so no text can pass for a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", from = "Written")]
pub(in crate::limiter) struct Key(Box<[u8]>);

/// No text begins so.
const DIGEST: u8 = 0xff;

/// A key as it is written to disk.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Key")]
enum Written {
    Text(Box<str>),
    Digest(Box<[u8; 32]>),
}

/// A key as it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought<'a> {
    Text(&'a [u8]),
    Digest([u8; 32]),
}

/// Where it hashes to. Keyed: who sends keys must not be able to foresee which of them meet.
fn hash(bytes: &[u8], secret: u64) -> u32 {
    let hash = SipHasher13::new_with_keys(secret, !secret).hash(bytes);
    u32::try_from(hash >> 32).unwrap_or(0)
}

impl<'a> Sought<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        if text.len() <= LONGEST_TEXT {
            Sought::Text(text.as_bytes())
        } else {
            Sought::Digest(*blake3::hash(text.as_bytes()).as_bytes())
        }
    }

    pub(super) fn kept(self) -> Key {
        match self {
            Sought::Text(text) => Key(text.into()),
            Sought::Digest(digest) => Key([DIGEST].into_iter().chain(digest).collect()),
        }
    }

    pub(super) fn hash(self, secret: u64) -> u32 {
        match self {
            Sought::Text(text) => hash(text, secret),
            Sought::Digest(digest) => hash(&digest, secret),
        }
    }
}

impl Key {
    /// The digest that is kept in place of a long text.
    fn digest(&self) -> Option<&[u8]> {
        self.0.split_first().filter(|(first, _)| **first == DIGEST).map(|(_, digest)| digest)
    }

    /// Its text; `None` where only a digest of that is kept.
    pub(in crate::limiter) fn text(&self) -> Option<&[u8]> {
        self.digest().is_none().then_some(&*self.0)
    }

    pub(super) fn is(&self, sought: Sought<'_>) -> bool {
        match sought {
            // None begins as a digest does.
            Sought::Text(text) => *self.0 == *text,
            Sought::Digest(digest) => self.digest() == Some(&digest[..]),
        }
    }

    pub(super) fn hash(&self, secret: u64) -> u32 {
        hash(self.digest().unwrap_or(&self.0), secret)
    }
}

impl From<Key> for Written {
    fn from(key: Key) -> Self {
        match key.digest().and_then(|digest| digest.try_into().ok()) {
            Some(digest) => Written::Digest(Box::new(digest)),
            None => Written::Text(String::from_utf8_lossy(&key.0).into()),
        }
    }
}

impl From<Written> for Key {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Key(text.into_boxed_bytes()),
            Written::Digest(digest) => Sought::Digest(*digest).kept(),
        }
    }
}
