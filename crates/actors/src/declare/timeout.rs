use std::fmt;
use std::time::Duration;

use crate::settings::{Problem, Reader, Settings, format_duration};

/// `#[timeout("30s", per_attempt = "10s")]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// Bounds the whole call, waiting included.
    pub total: Option<Duration>,
    /// Bounds each attempt.
    pub per_attempt: Option<Duration>,
}

impl Timeout {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let total = reader.duration("total");
        let per_attempt = reader.duration("per_attempt");
        if !reader.is_written("total") && !reader.is_written("per_attempt") {
            reader.problem("total", "write how long the call may take, as in #[timeout(\"30s\")]");
        }
        if let (Some(total), Some(attempt)) = (total, per_attempt)
            && attempt > total
        {
            reader.problem(
                "per_attempt",
                format!(
                    "an attempt of {} never fits into a total of {}",
                    format_duration(attempt),
                    format_duration(total)
                ),
            );
        }
        reader.finish()?;
        Ok(Timeout { total, per_attempt })
    }
}

/// `#[timeout_cascade(percentage = 30)]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeoutCascade {
    /// The share of the parent's total, 1 to 100.
    pub percentage: u32,
    /// The parent's total that is assumed where there is no parent.
    pub default: Duration,
    /// Never less than this, where as much is left.
    pub min: Option<Duration>,
    /// Kept back from what is left of the parent's time, for the parent's own work afterwards.
    pub reserve: Duration,
}

impl TimeoutCascade {
    /// The parent's total that is assumed where nothing says otherwise.
    pub const DEFAULT: Duration = Duration::from_secs(30);

    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let percentage = reader.integer32("percentage", 1..=100);
        if !reader.is_written("percentage") {
            reader.problem("percentage", "write the share of the parent's time, as in percentage = 30");
        }
        // `#[timeout_cascade("10s", percentage = 30)]` names the parent to assume; `default` is its other spelling.
        let positional = reader.duration("total");
        let named = reader.duration("default");
        if reader.is_written("total") && reader.is_written("default") {
            reader.problem("default", "the assumed parent is already written in front");
        }
        let min = reader.duration("min");
        let reserve = reader.duration_or_zero("reserve").unwrap_or_default();
        reader.finish()?;
        Ok(TimeoutCascade {
            percentage: percentage.unwrap_or(100),
            default: positional.or(named).unwrap_or(Self::DEFAULT),
            min,
            reserve,
        })
    }

    /// The time of a call whose parent was given `parent` and has `left`.
    #[must_use]
    pub fn share(&self, parent: Duration, left: Duration) -> Duration {
        let nanos = parent.as_nanos() * u128::from(self.percentage) / 100;
        let share = Duration::new(
            u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX),
            u32::try_from(nanos % 1_000_000_000).unwrap_or(0),
        );
        share.max(self.min.unwrap_or_default()).min(left.saturating_sub(self.reserve))
    }
}

impl fmt::Display for TimeoutCascade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % of its caller's total", self.percentage)?;
        write!(f, " ({} where the caller has none)", format_duration(self.default))?;
        f.write_str(", never more than what is left of it")?;
        if !self.reserve.is_zero() {
            write!(f, " less {}", format_duration(self.reserve))?;
        }
        match self.min {
            Some(least) => write!(f, "; at least {}", format_duration(least)),
            None => Ok(()),
        }
    }
}
