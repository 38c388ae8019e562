use std::fmt;
use std::time::Duration;

use crate::settings::{Problem, Reader, Settings, format_duration};

/// `#[adaptive_timeout(base_timeout = "5s", max_timeout = "30s", adjustment_factor = 0.1)]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveTimeout {
    /// Where it starts.
    pub base: Duration,
    /// Where it ends.
    pub max: Duration,
    /// How much of the way to its target it goes with each sample.
    pub adjustment_factor: f64,
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
        let _ = (reader.mode(), reader.on_unavailable(crate::settings::OnUnavailable::Allow));
        reader.finish()?;
        Ok(AdaptiveTimeout { base, max, adjustment_factor })
    }
}

impl fmt::Display for AdaptiveTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for each attempt; it does not learn yet", format_duration(self.base))?;
        write!(f, " (declared: up to {}, factor {})", format_duration(self.max), self.adjustment_factor)
    }
}
