use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{LazyLock, Mutex, PoisonError};

/// A name, or other words, in a refusal. It reads as text.
///
/// What is refused in floods has its words [kept](Words): its refusals then share them, and none of them allocates.
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    Kept(Words),
    Own(Box<str>),
}

/// Words that are kept once for as long as the process lives: the names of actors and the words of their quotas, which
/// programs declare and of which no runtime takes more than it may have actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(&'static &'static str);

impl Words {
    /// Keeps `text`, unless it is kept already.
    #[must_use]
    pub fn kept(text: &str) -> Self {
        static KEPT: LazyLock<Mutex<HashSet<Kept>>> = LazyLock::new(Mutex::default);
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Kept(words)) = kept.get(text) {
            return Words(words);
        }
        let text: &'static str = Box::leak(text.into());
        let words: &'static &'static str = Box::leak(Box::new(text));
        kept.insert(Kept(words));
        Words(words)
    }

    /// The words.
    #[must_use]
    #[inline]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Words as they are looked for: by their text.
#[derive(PartialEq, Eq, Hash)]
struct Kept(&'static &'static str);

impl std::borrow::Borrow<str> for Kept {
    fn borrow(&self) -> &str {
        self.0
    }
}

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Kept(words) => words.as_str(),
            Text::Own(text) => text,
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl From<Words> for Name {
    #[inline]
    fn from(words: Words) -> Self {
        Name(Text::Kept(words))
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name(Text::Own(text.into()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Name(Text::Own(text.into()))
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Name::from(text.as_str())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name.0 {
            Text::Kept(words) => words.as_str().to_owned(),
            Text::Own(text) => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_once_and_a_name_reads_the_same_however_it_came() {
        let (first, second) = (Words::kept("payments"), Words::kept(&String::from("payments")));
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
        assert_ne!(first, Words::kept("payment"));
        let (kept, own) = (Name::from(first), Name::from("payments"));
        assert_eq!((kept.clone(), format!("{kept:?} {kept}")), (own, r#""payments" payments"#.to_owned()));
        assert_eq!(String::from(kept), "payments");
    }

    #[test]
    fn a_refusal_is_small_enough_to_be_handed_on_for_nothing() {
        assert_eq!(size_of::<Name>(), 16);
        assert!(
            size_of::<crate::rejection::Rejection>() <= 104,
            "{}",
            size_of::<crate::rejection::Rejection>()
        );
    }
}
