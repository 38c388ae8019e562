use std::fmt;
use std::time::Duration;

use crate::settings::{Mode, OnUnavailable, Problem, Reader, Settings, format_duration};

/// `#[adaptive_timeout(base_timeout = "5s", max_timeout = "30s", adjustment_factor = 0.1)]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveTimeout {
    /// Where it starts.
    pub base: Duration,
    /// Where it ends.
    pub max: Duration,
    /// How much of the way to its target it goes with each sample.
    pub adjustment_factor: f64,
    /// Whether it acts.
    pub mode: Mode,
    /// What a call gets while its actor is left alone.
    pub on_unavailable: OnUnavailable,
}

impl AdaptiveTimeout {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let base = reader.duration("base_timeout").unwrap_or(Duration::from_secs(5));
        let max = reader.duration("max_timeout").unwrap_or(Duration::from_secs(30).max(base));
        if max < base {
            reader.problem("max_timeout", "it is shorter than base_timeout");
        }
        let adjustment_factor = reader.share("adjustment_factor").unwrap_or(0.1);
        let (mode, on_unavailable) = (reader.mode(), reader.on_unavailable(OnUnavailable::Allow));
        reader.finish()?;
        Ok(AdaptiveTimeout { base, max, adjustment_factor, mode, on_unavailable })
    }

    /// The factor in millionths: limits are computed in integers, so that they are the same everywhere.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 1,000,000")]
    pub(super) fn millionths(&self) -> u64 {
        (self.adjustment_factor * 1e6 + 0.5) as u64
    }
}

impl fmt::Display for AdaptiveTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, max) = (format_duration(self.base), format_duration(self.max));
        write!(f, "{base} for each attempt at first, then twice what 99.9 % of recent successes needed")?;
        write!(f, ", by {} of the way with each, up to {max}", self.adjustment_factor)?;
        write!(f, "{}{}", self.on_unavailable.remark(), self.mode.remark())
    }
}
