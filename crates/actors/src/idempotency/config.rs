use std::fmt;
use std::time::Duration;

use crate::declare::FailureKind;
use crate::outcome::ErrorKind;
use crate::rejection::RejectionKind;
use crate::settings::{Grants, Mode, OnUnavailable, Problem, Reader, Settings, format_duration, nearest};

/// Checked settings of one store: what all sites that use it share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyConfig {
    pub(super) max_records: usize,
    pub(super) lease: Duration,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        IdempotencyConfig { max_records: 100_000, lease: Duration::from_secs(30) }
    }
}

impl IdempotencyConfig {
    /// How many records it holds at most.
    #[must_use]
    pub fn max_records(&self) -> usize {
        self.max_records
    }

    /// How long a run may go without renewing its lease.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Another lease; at least 1 ms, so that there is time to renew it.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(1));
        self
    }
}

/// Where a call's key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A header that the client sends; without it, the fingerprint, unless a key is required.
    Header(String),
    /// An argument of the handler.
    Argument(String),
    /// Equal calls are one.
    Fingerprint,
}

/// What a second call gets while the first one with its key runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// 409, with the time at which the lease ends.
    #[default]
    Reject,
    /// It waits for the first one's result, within its own deadline.
    Wait,
}

/// What a site agreed on for the records that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a result is kept, from when the run completed.
    pub ttl: Duration,
    /// How long a key whose outcome is unknown says so.
    pub unknown_ttl: Duration,
    /// The largest result that is kept, in bytes.
    pub max_result: usize,
    /// Whether a call runs whose key's outcome is unknown.
    pub rerun: bool,
}

/// `#[idempotent]`: what a site declares. Two sites may share a store and declare different times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotent {
    store: String,
    store_config: IdempotencyConfig,
    key: KeySource,
    ttl: Duration,
    fingerprint_ttl: Duration,
    unknown_ttl: Duration,
    on_conflict: OnConflict,
    unknown_on: Vec<FailureKind>,
    rerun_unknown: bool,
    require_key: bool,
    max_result: usize,
    name: Option<String>,
    store_errors: bool,
    mode: Mode,
    grants: Option<Grants>,
    on_unavailable: OnUnavailable,
}

impl Default for Idempotent {
    fn default() -> Self {
        Idempotent {
            store: "default".to_owned(),
            store_config: IdempotencyConfig::default(),
            key: KeySource::Fingerprint,
            ttl: Duration::from_secs(24 * 60 * 60),
            fingerprint_ttl: Duration::from_secs(60),
            unknown_ttl: Duration::from_secs(15 * 60),
            on_conflict: OnConflict::default(),
            unknown_on: Vec::new(),
            rerun_unknown: false,
            require_key: false,
            max_result: 64 * 1024,
            name: None,
            store_errors: false,
            mode: Mode::Enforce,
            grants: None,
            on_unavailable: OnUnavailable::Reject,
        }
    }
}

const MOST_RECORDS: u32 = 1_000_000;
/// Results are held in memory and written with every snapshot: larger ones belong where the handler keeps its data.
const LARGEST_RESULT: u64 = 16 * 1024 * 1024;

impl Idempotent {
    /// Checks settings as an attribute, a file or a scenario writes them.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let default = Idempotent::default();
        let store = reader.name("store").unwrap_or(default.store);
        let max_records = reader.integer32("max_records", 1..=MOST_RECORDS);
        let key = read_key(&mut reader).unwrap_or(default.key);
        let require_key = reader.flag("require_key").unwrap_or(default.require_key);
        if require_key && !matches!(key, KeySource::Header(_)) && !reader.is_written("key") {
            let message =
                "no key is read that could be required; write key = \"header:Idempotency-Key\" with it";
            reader.problem("require_key", message);
        }
        let on_conflict = [("reject", OnConflict::Reject), ("wait", OnConflict::Wait)];
        let max_result = reader.size("max_result", 1..=LARGEST_RESULT);
        let idempotent = Idempotent {
            store,
            store_config: IdempotencyConfig {
                max_records: max_records.map_or(default.store_config.max_records, |records| records as usize),
                ..default.store_config
            },
            key,
            ttl: reader.duration("ttl").unwrap_or(default.ttl),
            fingerprint_ttl: reader.duration("fingerprint_ttl").unwrap_or(default.fingerprint_ttl),
            unknown_ttl: reader.duration("unknown_ttl").unwrap_or(default.unknown_ttl),
            on_conflict: reader.choice("on_conflict", &on_conflict).unwrap_or_default(),
            unknown_on: reader.choices("unknown_on", &FailureKind::names()).unwrap_or_default(),
            rerun_unknown: reader
                .choice("on_unknown", &[("reject", false), ("rerun", true)])
                .unwrap_or(default.rerun_unknown),
            require_key,
            max_result: max_result
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(default.max_result),
            name: reader.name("name"),
            store_errors: reader.flag("store_errors").unwrap_or(default.store_errors),
            mode: reader.mode(),
            grants: reader.grants(),
            on_unavailable: reader.on_unavailable(default.on_unavailable),
        };
        reader.finish()?;
        Ok(idempotent)
    }

    /// The name of its store.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.store
    }

    /// What it says of its store.
    #[must_use]
    pub fn store_config(&self) -> &IdempotencyConfig {
        &self.store_config
    }

    /// Where the key comes from.
    #[must_use]
    pub fn key(&self) -> &KeySource {
        &self.key
    }

    /// Whether a call without a key is refused.
    #[must_use]
    pub fn require_key(&self) -> bool {
        self.require_key
    }

    /// The scope of its keys, where it names one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What its records are kept by. `explicit` says whether a key was named: without one a result lives only
    /// `fingerprint_ttl`, so that a second intended order is not swallowed.
    #[must_use]
    pub fn terms(&self, explicit: bool) -> Terms {
        Terms {
            ttl: if explicit { self.ttl } else { self.fingerprint_ttl },
            unknown_ttl: self.unknown_ttl,
            max_result: self.max_result,
            rerun: self.rerun_unknown,
        }
    }

    /// What a second call gets while the first one runs.
    #[must_use]
    pub fn on_conflict(&self) -> OnConflict {
        self.on_conflict
    }

    /// Whether a RETURNED failure leaves the outcome unknown, as a cut run does; otherwise it releases the key.
    #[must_use]
    pub fn leaves_unknown(&self, error: ErrorKind, rejection: Option<RejectionKind>) -> bool {
        self.unknown_on.iter().any(|kind| kind.means(error, rejection))
    }

    /// Whether an error of `kind` is stored and replayed: the caller's faults, where the site says so.
    #[must_use]
    pub fn stores_error(&self, kind: ErrorKind) -> bool {
        self.store_errors
            && matches!(
                kind,
                ErrorKind::ValidationError
                    | ErrorKind::AuthorizationError
                    | ErrorKind::NotFound
                    | ErrorKind::Conflict
            )
    }

    /// Whether it acts on its decisions.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether its grants are given in advance; `None` where that is as its runtime says.
    #[must_use]
    pub fn grants(&self) -> Option<Grants> {
        self.grants
    }

    /// What becomes of a call while the store cannot decide.
    #[must_use]
    pub fn on_unavailable(&self) -> OnUnavailable {
        self.on_unavailable
    }
}

impl fmt::Display for Idempotent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ttl, short) = (format_duration(self.ttl), format_duration(self.fingerprint_ttl));
        write!(f, "one run for each key, in the store {:?}; the key is ", self.store)?;
        match &self.key {
            KeySource::Header(name) if self.require_key => write!(f, "the header {name}, kept {ttl}")?,
            KeySource::Header(name) => {
                write!(f, "the header {name}, kept {ttl}, else what the call asks for, kept {short}")?;
            }
            KeySource::Argument(name) => write!(f, "the argument {name}, kept {ttl}")?,
            KeySource::Fingerprint => write!(f, "what the call asks for, kept {short}")?,
        }
        f.write_str(match self.on_conflict {
            OnConflict::Reject => "; a second call meanwhile is refused (409)",
            OnConflict::Wait => "; a second call meanwhile waits for the first one's result",
        })?;
        let unknown = format_duration(self.unknown_ttl);
        if self.rerun_unknown {
            f.write_str("; a run that was cut is repeated")?;
        } else {
            write!(f, "; a run that was cut is not repeated for {unknown}")?;
        }
        let grants = Grants::remark(self.grants);
        write!(f, "{}{grants}{}", self.on_unavailable.remark(), self.mode.remark())
    }
}

fn read_key(reader: &mut Reader<'_>) -> Option<KeySource> {
    let text = reader.text("key")?;
    let (sort, name) = text.split_once(':').unwrap_or((text.as_str(), ""));
    let is_header = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    match sort {
        "header" if !name.is_empty() && name.chars().all(is_header) => {
            return Some(KeySource::Header(name.to_owned()));
        }
        "arg" if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
            return Some(KeySource::Argument(name.to_owned()));
        }
        "header" | "arg" => {
            let message =
                format!("{text:?} names nothing; write it as \"header:Idempotency-Key\" or \"arg:order_id\"");
            reader.problem("key", message);
        }
        other => {
            let hint = nearest(other, ["header", "arg"]).map(|word| format!("; did you mean \"{word}:\"?"));
            let hint = hint.unwrap_or_default();
            let message = format!("{text:?} is not known here; it can be header:X or arg:x{hint}");
            reader.problem("key", message);
        }
    }
    None
}
