use std::fmt;
use std::time::Duration;

use super::machine::Decision;
use super::quota::{Algorithm, Quota};
use crate::clock::{Time, saturating_nanos};
use crate::settings::{
    Grants, Mode, OnUnavailable, Problem, Reader, Settings, Value, format_duration, nearest, parse_duration,
};

/// Checked settings of one limiter.
///
/// There is no `Default`: a quota that nobody wrote would be a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimiterConfig {
    pub(super) quota: Quota,
    pub(super) max_keys: usize,
    pub(super) max_wait: Option<Duration>,
    by: Option<String>,
    mode: Mode,
    grants: Option<Grants>,
    on_unavailable: OnUnavailable,
}

/// The largest number that the fields of a `RateLimit` header (RFC 9651 integers) can carry.
const MOST_REQUESTS: u64 = 999_999_999_999_999;
const DEFAULT_KEYS: u32 = 100_000;
const MOST_KEYS: u32 = 1_000_000;
const PERIODS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];

impl LimiterConfig {
    /// Checks settings as an attribute, a file or a scenario writes them.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        // The attribute holds the function that `cost` names, and passes what it says with each call.
        let _ = (reader.name("name"), reader.text("cost"));
        for key in ["requests", "per"] {
            if !reader.is_written(key) {
                reader.problem(key, "a limit needs both, as in requests = 10, per = \"minute\"");
            }
        }
        let requests = reader.integer("requests", 1..=MOST_REQUESTS).unwrap_or(1);
        let per = read_period(&mut reader).unwrap_or(Duration::from_secs(1));
        let algorithm = reader.choice("algorithm", &Algorithm::NAMES).unwrap_or_default();
        let burst = reader.integer("burst", 1..=MOST_REQUESTS);
        if burst.is_some() && algorithm != Algorithm::TokenBucket {
            reader.problem(
                "burst",
                format!("{} has no burst; write algorithm = \"token_bucket\" with it", algorithm.as_str()),
            );
        }
        let quota = Quota {
            algorithm,
            requests,
            per: saturating_nanos(per),
            burst: burst.unwrap_or(requests),
            origin: 0,
        };
        if quota.window() == Duration::from_nanos(u64::MAX) {
            reader.problem("burst", "it would take longer to refill than any time that can be represented");
        }
        let config = LimiterConfig {
            quota,
            max_keys: reader.integer32("max_keys", 1..=MOST_KEYS).unwrap_or(DEFAULT_KEYS) as usize,
            max_wait: reader.duration("max_wait"),
            by: reader.by(),
            mode: reader.mode(),
            grants: reader.grants(),
            on_unavailable: reader.on_unavailable(OnUnavailable::Allow),
        };
        reader.finish()?;
        Ok(config)
    }

    /// How the quota is counted.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.quota.algorithm
    }

    /// How many requests pass in one period.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.quota.requests
    }

    /// The period.
    #[must_use]
    pub fn per(&self) -> Duration {
        Duration::from_nanos(self.quota.per)
    }

    /// The most that can pass at once.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.quota.capacity()
    }

    /// Whose quota it is: `user`, `ip`, `api_key`, `header:X`, `arg:x`; `None` where all callers share one.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// How many keys are kept apart.
    #[must_use]
    pub fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// How long a caller may wait for its turn; `None` where it is refused at once.
    #[must_use]
    pub fn max_wait(&self) -> Option<Duration> {
        self.max_wait
    }

    /// Whether it acts.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether its grants are given in advance; `None` where that is as its runtime says.
    #[must_use]
    pub fn grants(&self) -> Option<Grants> {
        self.grants
    }

    /// What a call gets when the actor cannot be asked.
    #[must_use]
    pub fn on_unavailable(&self) -> OnUnavailable {
        self.on_unavailable
    }

    /// How a quota stands that nobody has used.
    #[must_use]
    pub fn untouched(&self) -> Decision {
        let limit = self.capacity();
        Decision { remaining: limit, limit, window: self.quota.window(), more_at: Time::ZERO }
    }

    /// The quota in words, for refusals and logs: `10 a minute`, `5 in 10s`, `4000 a second (one every 250us), burst 1`.
    #[must_use]
    pub fn quota(&self) -> String {
        let Quota { requests, per, burst, algorithm, .. } = self.quota;
        let period = PERIODS.iter().find(|(_, seconds)| seconds * 1_000_000_000 == per);
        let mut text = match period {
            Some((word @ "hour", _)) => format!("{requests} an {word}"),
            Some((word, _)) => format!("{requests} a {word}"),
            None => format!("{requests} in {}", format_duration(self.per())),
        };
        if algorithm == Algorithm::TokenBucket {
            // The interval is shown because a rate whose unit was mixed up is otherwise noticed weeks later.
            if per.is_multiple_of(requests) {
                text += &format!(" (one every {})", format_duration(Duration::from_nanos(per / requests)));
            }
            if burst != requests {
                text += &format!(", burst {burst}");
            }
        }
        text
    }
}

fn read_period(reader: &mut Reader<'_>) -> Option<Duration> {
    let text = match reader.value("per")? {
        Value::Text(text) => text,
        other => {
            let message =
                format!("expected \"second\", \"minute\", \"hour\", \"day\" or \"10s\", found {other}");
            reader.problem("per", message);
            return None;
        }
    };
    if let Some((_, seconds)) = PERIODS.iter().find(|(word, _)| word == text) {
        return Some(Duration::from_secs(*seconds));
    }
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let words = PERIODS.iter().map(|(word, _)| *word);
        let hint = nearest(text, words).map(|word| format!("; did you mean {word:?}?")).unwrap_or_default();
        reader.problem(
            "per",
            format!("{text:?} is not known here; it can be second, minute, hour, day or a duration{hint}"),
        );
        return None;
    }
    match parse_duration(text) {
        Ok(per) if per.is_zero() => reader.problem("per", "no rate can be made of a period of zero"),
        Ok(per) if u64::try_from(per.as_nanos()).is_err() => {
            reader.problem("per", format!("{text:?} is longer than any period that can be represented"));
        }
        Ok(per) => return Some(per),
        Err(message) => reader.problem("per", message),
    }
    None
}

impl fmt::Display for LimiterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.quota())?;
        match &self.by {
            Some(by) => write!(f, " for each {by}, at most {} of them", self.max_keys)?,
            None => write!(f, " for all callers together")?,
        }
        write!(f, ", by {}", self.quota.algorithm.as_str())?;
        match self.max_wait {
            Some(longest) => write!(f, "; waits for its turn up to {}", format_duration(longest))?,
            None => write!(f, "; refuses at once")?,
        }
        let grants = Grants::remark(self.grants);
        write!(f, "{}{grants}{}", self.on_unavailable.remark(), self.mode.remark())
    }
}
