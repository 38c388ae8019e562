use std::fmt;
use std::time::Duration;

use crate::settings::{Mode, OnUnavailable, Problem, Reader, Settings, format_duration};

/// `#[shed(target_delay = "5ms", interval = "100ms")]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// The queueing delay that is still fine.
    pub target_delay: Duration,
    /// How long the delay must stay above the target before calls are turned away.
    pub interval: Duration,
    /// Whether it acts.
    pub mode: Mode,
    /// What a call gets when the actor cannot be asked.
    pub on_unavailable: OnUnavailable,
}

impl Default for Shed {
    /// CoDel's own figures (RFC 8289, section 4.4): they hold from a data centre to a modem line.
    fn default() -> Self {
        Shed {
            target_delay: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            mode: Mode::Enforce,
            on_unavailable: OnUnavailable::Allow,
        }
    }
}

impl Shed {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let default = Self::default();
        let target_delay = reader.duration("target_delay").unwrap_or(default.target_delay);
        let written = reader.duration("interval");
        let interval = written.unwrap_or(default.interval.max(target_delay));
        if interval < target_delay {
            reader.problem(
                "interval",
                format!(
                    "a delay of {} can not be judged within {}",
                    format_duration(target_delay),
                    format_duration(interval)
                ),
            );
        }
        let shed = Shed {
            target_delay,
            interval,
            mode: reader.mode(),
            on_unavailable: reader.on_unavailable(default.on_unavailable),
        };
        reader.finish()?;
        Ok(shed)
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, interval) = (format_duration(self.target_delay), format_duration(self.interval));
        write!(
            f,
            "turns calls away, the lowest class first, where none has waited less than {target} for {interval}"
        )?;
        write!(f, "{}{}", self.on_unavailable.remark(), self.mode.remark())
    }
}
