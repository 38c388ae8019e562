use std::fmt;
use std::time::Duration;

use crate::outcome::{Ending, ErrorKind};
use crate::rejection::RejectionKind;
use crate::settings::{Problem, Reader, Settings, format_duration};

/// A word of `on`, `retry_on` and `dont_retry_on`: an error's kind, or a refusal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// An error's kind.
    Error(ErrorKind),
    /// A refusal of ours.
    Rejection(RejectionKind),
}

impl FailureKind {
    /// All words. `timeout`, `conflict` and `unavailable` name both sorts; there the error's kind stands for both,
    /// since a refusal is seen as one.
    #[must_use]
    pub fn names() -> Vec<(&'static str, FailureKind)> {
        let errors = ErrorKind::NAMES.map(|(name, kind)| (name, FailureKind::Error(kind)));
        let rejections = RejectionKind::NAMES
            .into_iter()
            .filter(|(name, _)| !ErrorKind::NAMES.iter().any(|(error, _)| error == name))
            .map(|(name, kind)| (name, FailureKind::Rejection(kind)));
        errors.into_iter().chain(rejections).collect()
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Error(kind) => kind.as_str(),
            FailureKind::Rejection(kind) => kind.as_str(),
        }
    }

    /// Whether an attempt that ended so is what this word means.
    #[must_use]
    pub fn stands_for(self, ending: Ending) -> bool {
        match self {
            FailureKind::Error(kind) => ending.error_kind() == Some(kind),
            FailureKind::Rejection(kind) => ending == Ending::Rejected(kind),
        }
    }

    /// Whether this word means a failure of `error` kind that came, if it did, from a refusal of ours.
    #[must_use]
    pub fn means(self, error: ErrorKind, rejection: Option<RejectionKind>) -> bool {
        match self {
            FailureKind::Error(kind) => kind == error,
            FailureKind::Rejection(kind) => Some(kind) == rejection,
        }
    }
}

/// `#[fallback("path")]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// What it runs on; `None` where the rules of its own apply.
    pub on: Option<Vec<FailureKind>>,
    /// How long it may take, within what is left of the caller's deadline.
    pub timeout: Duration,
}

impl Fallback {
    /// How long a fallback may take where nothing says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(1);

    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        if reader.text("path").is_some_and(|path| path.trim().is_empty()) || !reader.is_written("path") {
            reader
                .problem("path", "write the function to fall back to, as in #[fallback(\"cached_reviews\")]");
        }
        let on = reader.choices("on", &FailureKind::names());
        let timeout = reader.duration("fallback_timeout").unwrap_or(Self::TIMEOUT);
        reader.finish()?;
        Ok(Fallback { on, timeout })
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            Some(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                write!(f, "runs on {}", kinds.join(", "))?;
            }
            None => f.write_str("runs on every refusal below it, timeout, panic and used-up attempt")?,
        }
        write!(f, ", within {}", format_duration(self.timeout))
    }
}
