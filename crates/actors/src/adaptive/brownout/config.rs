use std::fmt;
use std::time::Duration;

use crate::settings::{Problem, Reader, Settings, format_duration};

/// `#[degrade_gracefully(latency_target = "500ms")]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DegradeGracefully {
    /// The 95 % quantile of the site's latencies above which optional parts are left out; `None` where nothing says so.
    pub latency_target: Option<Duration>,
}

impl DegradeGracefully {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let latency_target = reader.duration("latency_target");
        reader.finish()?;
        Ok(DegradeGracefully { latency_target })
    }

    /// The same for a site whose calls end after `total`: half of that, where no target is written.
    #[must_use]
    pub fn within(self, total: Option<Duration>) -> Self {
        let latency_target = self.latency_target.or(total.map(|total| total / 2));
        DegradeGracefully { latency_target }
    }
}

impl fmt::Display for DegradeGracefully {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("runs in spite of an open breaker, a full pool below or shed load; ")?;
        match self.latency_target {
            Some(target) => {
                let target = format_duration(target);
                write!(f, "leaves optional parts out while 5 % of its calls take longer than {target}")
            }
            None => f.write_str("leaves optional parts out while a pool is full"),
        }
    }
}
