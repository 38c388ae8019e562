use std::fmt;
use std::time::Duration;

use super::window::Span;
use crate::outcome::{Ending, ErrorKind, Health, Outcome};
use crate::settings::{
    Grants, Mode, OnUnavailable, Problem, Reader, Settings, Value, format_duration, parse_duration,
};

/// Checked settings of one breaker.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    pub(super) failure_threshold: Option<u32>,
    pub(super) failure_rate_threshold: Option<f64>,
    pub(super) minimum_requests: u32,
    pub(super) window: Span,
    pub(super) recovery_timeout: Duration,
    pub(super) max_recovery_timeout: Option<Duration>,
    pub(super) success_threshold: u32,
    pub(super) half_open_permits: u32,
    pub(super) probe_timeout: Option<Duration>,
    pub(super) slow_call_duration: Option<Duration>,
    pub(super) slow_call_rate_threshold: f64,
    pub(super) slow_start: Duration,
    pub(super) jitter: bool,
    by: Option<String>,
    mode: Mode,
    grants: Option<Grants>,
    on_unavailable: OnUnavailable,
    record_on: Vec<ErrorKind>,
    ignore_on: Vec<ErrorKind>,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        BreakerConfig {
            failure_threshold: Some(5),
            failure_rate_threshold: None,
            minimum_requests: 10,
            window: Span::Requests(10),
            recovery_timeout: Duration::from_secs(30),
            max_recovery_timeout: None,
            success_threshold: 3,
            half_open_permits: 3,
            probe_timeout: None,
            slow_call_duration: None,
            slow_call_rate_threshold: 1.0,
            slow_start: Duration::from_secs(10),
            jitter: false,
            by: None,
            mode: Mode::Enforce,
            grants: None,
            on_unavailable: OnUnavailable::Allow,
            record_on: Vec::new(),
            ignore_on: Vec::new(),
        }
    }
}

/// The largest count that a window keeps call by call.
const MOST_REQUESTS: u32 = 100_000;

impl BreakerConfig {
    /// Checks settings as an attribute, a file or a scenario writes them.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let default = BreakerConfig::default();
        let _ = reader.name("name");
        let count = reader.integer32("failure_threshold", 1..=MOST_REQUESTS);
        let rate = reader.share("failure_rate_threshold");
        let minimum = reader.integer32("minimum_requests", 1..=MOST_REQUESTS);
        let window = read_window(&mut reader);
        if let Some(Span::Requests(size)) = window {
            for (key, needed) in [("minimum_requests", minimum), ("failure_threshold", count)] {
                if needed.is_some_and(|needed| needed > size) {
                    reader.problem(
                        "window",
                        format!("a window of {size} requests can never hold the {key} that is written here"),
                    );
                }
            }
        }
        let failure_threshold = if rate.is_some() { count } else { count.or(default.failure_threshold) };
        let window = window.unwrap_or_else(|| {
            Span::Requests(10.max(minimum.unwrap_or(0)).max(failure_threshold.unwrap_or(0)))
        });
        let minimum_requests = minimum.unwrap_or(match window {
            Span::Requests(size) => size.min(10),
            Span::Time(_) => 10,
        });
        let recovery_timeout = reader.duration("recovery_timeout").unwrap_or(default.recovery_timeout);
        let max_recovery_timeout = reader.duration("max_recovery_timeout");
        if max_recovery_timeout.is_some_and(|most| most < recovery_timeout) {
            reader.problem("max_recovery_timeout", "it is shorter than recovery_timeout");
        }
        let success_threshold =
            reader.integer32("success_threshold", 1..=MOST_REQUESTS).unwrap_or(default.success_threshold);
        let half_open_permits =
            reader.integer32("half_open_permits", 1..=MOST_REQUESTS).unwrap_or(success_threshold);
        let slow_call_duration = reader.duration("slow_call_duration");
        let slow_rate = reader.share("slow_call_rate_threshold");
        if slow_rate.is_some() && slow_call_duration.is_none() {
            reader
                .problem("slow_call_rate_threshold", "it needs slow_call_duration, which says what slow is");
        }
        let config = BreakerConfig {
            failure_threshold,
            failure_rate_threshold: rate,
            minimum_requests,
            window,
            recovery_timeout,
            max_recovery_timeout,
            success_threshold,
            half_open_permits,
            probe_timeout: reader.duration("probe_timeout"),
            slow_call_duration,
            slow_call_rate_threshold: slow_rate.unwrap_or(default.slow_call_rate_threshold),
            slow_start: reader.duration_or_zero("slow_start").unwrap_or(default.slow_start),
            jitter: reader.flag("jitter").unwrap_or(default.jitter),
            by: reader.by(),
            mode: reader.mode(),
            grants: reader.grants(),
            on_unavailable: reader.on_unavailable(default.on_unavailable),
            record_on: reader.choices("record_on", &ErrorKind::NAMES).unwrap_or_default(),
            ignore_on: reader.choices("ignore_on", &ErrorKind::NAMES).unwrap_or_default(),
        };
        for kind in config.record_on.iter().filter(|kind| config.ignore_on.contains(kind)) {
            reader.problem("ignore_on", format!("\"{kind}\" stands in record_on too"));
        }
        reader.finish()?;
        Ok(config)
    }

    /// What an error of `kind` says of the dependency, with this breaker's own lists applied.
    #[must_use]
    pub fn health(&self, kind: ErrorKind) -> Health {
        if self.ignore_on.contains(&kind) {
            Health::Neutral
        } else if self.record_on.contains(&kind) {
            Health::Failure
        } else {
            kind.health()
        }
    }

    /// What an outcome says of the dependency, and whether it was slow.
    #[must_use]
    #[inline]
    pub fn judge(&self, outcome: &Outcome) -> (Health, bool) {
        let health = match outcome.ending {
            Ending::Success => Health::Success,
            Ending::Error(kind) => self.health(kind),
            Ending::TimedOut => self.health(ErrorKind::Timeout),
            Ending::Panicked => Health::Failure,
            Ending::Rejected(_) | Ending::Cancelled => Health::Neutral,
        };
        (health, self.is_slow(outcome))
    }

    #[inline]
    pub(super) fn is_slow(&self, outcome: &Outcome) -> bool {
        self.slow_call_duration.is_some_and(|limit| outcome.latency >= limit)
    }

    /// How long it stays open.
    #[must_use]
    pub fn recovery_timeout(&self) -> Duration {
        self.recovery_timeout
    }

    /// Whether the time that it stays open is spread, where several processes share the dependency.
    #[must_use]
    pub fn jitter(&self) -> bool {
        self.jitter
    }

    /// By what calls are told apart, each with a breaker of its own: a shard or host in an argument, say.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// How long a probe keeps its slot, and may run, where its attempt has `patience`.
    #[must_use]
    pub fn probe_lease(&self, patience: Option<Duration>) -> Duration {
        self.probe_timeout.or(patience).unwrap_or(self.recovery_timeout)
    }

    /// From when on a call is slow.
    #[must_use]
    #[inline]
    pub fn slow_call_duration(&self) -> Option<Duration> {
        self.slow_call_duration
    }

    /// How many failures open it, where a number of them does.
    #[must_use]
    pub fn failure_threshold(&self) -> Option<u32> {
        self.failure_threshold
    }

    /// What share of failures opens it, where a share does.
    #[must_use]
    pub fn failure_rate_threshold(&self) -> Option<f64> {
        self.failure_rate_threshold
    }

    /// How many probes in a row must succeed for it to close.
    #[must_use]
    pub fn success_threshold(&self) -> u32 {
        self.success_threshold
    }

    /// How many probes may be out at once.
    #[must_use]
    pub fn half_open_permits(&self) -> u32 {
        self.half_open_permits
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

    /// What becomes of a call while its actor cannot decide.
    #[must_use]
    pub fn on_unavailable(&self) -> OnUnavailable {
        self.on_unavailable
    }

    /// What it looks back on.
    #[must_use]
    pub fn window(&self) -> Span {
        self.window
    }

    /// How many calls must be recorded before a rate counts.
    #[must_use]
    pub fn minimum_requests(&self) -> u32 {
        self.minimum_requests
    }
}

fn read_window(reader: &mut Reader<'_>) -> Option<Span> {
    match reader.value("window")? {
        Value::Text(text) => match parse_duration(text) {
            Ok(span) if !span.is_zero() => return Some(Span::Time(span)),
            Ok(_) => reader.problem("window", "a window of zero length holds nothing"),
            Err(message) => reader.problem("window", message),
        },
        Value::Integer(_) => return reader.integer32("window", 1..=MOST_REQUESTS).map(Span::Requests),
        other => {
            let message = format!("expected a number of requests or a time such as \"60s\", found {other}");
            reader.problem("window", message);
        }
    }
    None
}

impl fmt::Display for BreakerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = match self.window {
            Span::Requests(calls) => format!("the last {calls} calls"),
            Span::Time(time) => format!("the last {}", format_duration(time)),
        };
        let rate = |rate: f64| format!("{} % of the calls", rate * 100.0);
        let slow_rule = self.slow_call_duration.map(|limit| {
            format!("{} slower than {}", rate(self.slow_call_rate_threshold), format_duration(limit))
        });
        let failures = match (self.failure_threshold, self.failure_rate_threshold) {
            (Some(count), Some(share)) => format!("{count} failures that are {}", rate(share)),
            (Some(count), None) => format!("{count} failures"),
            (None, Some(share)) => format!("{} failed", rate(share)),
            (None, None) => "no number of failures".to_owned(),
        };
        write!(f, "opens at {failures}")?;
        if let Some(rule) = &slow_rule {
            write!(f, " or {rule}")?;
        }
        write!(f, " in {window}")?;
        if self.failure_rate_threshold.is_some() || slow_rule.is_some() {
            write!(f, " (at least {})", self.minimum_requests)?;
        }
        write!(f, ", for {}", format_duration(self.recovery_timeout))?;
        if let Some(most) = self.max_recovery_timeout {
            write!(f, " doubling up to {}", format_duration(most))?;
        }
        let (successes, probes) = (self.success_threshold, self.half_open_permits);
        write!(f, "; closes after {successes} successes in a row, {probes} probes at a time")?;
        if !self.slow_start.is_zero() {
            write!(f, "; starts slowly for {}", format_duration(self.slow_start))?;
        }
        let grants = Grants::remark(self.grants);
        write!(f, "{}{grants}{}", self.on_unavailable.remark(), self.mode.remark())
    }
}
