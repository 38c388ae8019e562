use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::profile::{HOURS, P999, Profile, SAMPLES};
use super::{AdaptiveStatus, AdaptiveTimeout};
use crate::adaptive::sketch::{SavedSketch, Sketch};
use crate::clock::{Moment, Time, saturating_nanos};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::{SnapshotError, decode, encode};

/// A busy scheduler alone takes that.
const SHORTEST: Duration = Duration::from_millis(10);
/// Up to here processors have time to spare, and answers are noticed as they come.
const SPARE: u32 = 80;
/// The newest reading of how late the runtime is counts for an eighth, as TCP smooths round trips (RFC 6298).
const SMOOTHING: u32 = 8;

/// What can happen to an adaptive timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdaptiveInput {
    /// An attempt succeeded.
    Succeeded {
        /// What it needed.
        latency: Duration,
        /// When; what is later than that now is how late the runtime is.
        ended: Time,
    },
    /// An attempt was cut by the limit.
    Cut {
        /// Which it had.
        limit: Duration,
    },
    /// How busy the processors are.
    Load {
        /// In per cent of all of them.
        busy: u32,
    },
}

/// A decision of an adaptive timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdaptiveChange {
    /// Nothing is to be done.
    Nothing,
    /// Learn from a success.
    Learn {
        /// What it needed.
        latency: Duration,
        /// How late that was noticed.
        late: Duration,
    },
    /// Raise the limit.
    Raise {
        /// To this at least.
        to: Duration,
    },
    /// Stretch the limit by so many per cent.
    Stretch(u32),
}

/// The adaptive timeout as a pure machine.
#[derive(Debug)]
pub struct AdaptiveMachine {
    config: AdaptiveTimeout,
    sketch: Sketch,
    profile: Profile,
    learned: Duration,
    cuts: u64,
    stretch: u32,
    lateness: Duration,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    sketch: SavedSketch,
    learned: u64,
    hours: Vec<u64>,
}

impl AdaptiveMachine {
    /// What 99.9 % of recent successes needed, once it is known.
    fn needed(&self) -> Option<Duration> {
        self.sketch.quantile(P999).filter(|_| self.sketch.samples() >= SAMPLES)
    }

    fn within(&self, limit: Duration) -> Duration {
        limit.max(SHORTEST).min(self.config.max)
    }

    /// Goes part of the way to twice what is needed, and never below what is.
    fn approach(&mut self) {
        let Some(needed) = self.needed() else { return };
        let (now, target) = (saturating_nanos(self.learned), saturating_nanos(needed.saturating_mul(2)));
        let part = u128::from(now.abs_diff(target)) * u128::from(self.config.millionths()) / 1_000_000;
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        let moved = if target < now { now - part } else { now.saturating_add(part) };
        self.learned = self.within(Duration::from_nanos(moved).max(needed));
    }
}

impl Machine for AdaptiveMachine {
    type Config = AdaptiveTimeout;
    type Gate = ();
    type Input = AdaptiveInput;
    type Change = AdaptiveChange;
    type Reply = ();
    type Status = AdaptiveStatus;

    fn new(config: AdaptiveTimeout, moment: Moment) -> Self {
        AdaptiveMachine {
            config,
            sketch: Sketch::default(),
            profile: Profile::new(moment),
            learned: config.base,
            cuts: 0,
            stretch: 0,
            lateness: Duration::ZERO,
        }
    }

    fn draws(_: &AdaptiveTimeout) -> bool {
        false
    }

    fn decide(&self, moment: Moment, _ticket: Option<Ticket>, input: &AdaptiveInput) -> AdaptiveChange {
        match *input {
            AdaptiveInput::Succeeded { latency, ended } => {
                AdaptiveChange::Learn { latency, late: moment.now.since(ended) }
            }
            // Many at once are cut by one limit; it is doubled once.
            AdaptiveInput::Cut { limit } => {
                AdaptiveChange::Raise { to: self.within(limit.saturating_mul(2)) }
            }
            AdaptiveInput::Load { busy } => {
                let above = busy.min(100).saturating_sub(SPARE);
                AdaptiveChange::Stretch(above * 100 / (100 - SPARE))
            }
        }
    }

    fn apply(&mut self, moment: Moment, change: AdaptiveChange, effects: &mut Effects<()>) {
        match change {
            AdaptiveChange::Nothing => {}
            AdaptiveChange::Learn { latency, late } => {
                self.sketch.record(moment.now, latency);
                self.profile.record(moment, latency);
                self.lateness = (self.lateness * (SMOOTHING - 1) + late.min(self.config.max)) / SMOOTHING;
                self.approach();
            }
            AdaptiveChange::Raise { to } => {
                self.cuts += 1;
                if to > self.learned {
                    let text = format!("a call was cut: the limit of {:?} becomes {to:?}", self.learned);
                    effects.happened(Happening::Notice { text });
                    self.learned = to;
                }
            }
            AdaptiveChange::Stretch(by) => self.stretch = by,
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _moment: Moment) -> AdaptiveChange {
        AdaptiveChange::Nothing
    }

    fn status(&self, _now: Time) -> AdaptiveStatus {
        AdaptiveStatus {
            learned: self.learned,
            needed: self.needed(),
            samples: self.sketch.samples(),
            cuts: self.cuts,
            stretch: self.stretch,
            lateness: self.lateness,
            base: self.config.base,
            max: self.config.max,
            hours: std::sync::Arc::clone(&self.profile.hours),
        }
    }

    fn describe(status: &AdaptiveStatus) -> String {
        let AdaptiveStatus { learned, needed, samples, cuts, .. } = status;
        match needed {
            Some(needed) => format!("{learned:?}; 99.9 % of {samples} needed {needed:?}, {cuts} were cut"),
            None => format!("{learned:?}; has seen {samples} successes of {SAMPLES}, {cuts} were cut"),
        }
    }

    fn reconfigure(&mut self, _moment: Moment, config: AdaptiveTimeout, effects: &mut Effects<()>) {
        self.config = config;
        self.learned = if self.needed().is_some() { self.within(self.learned) } else { config.base };
        effects.happened(Happening::Notice { text: format!("now {config}") });
    }

    fn snapshot(&self, _moment: Moment) -> Vec<u8> {
        let hours = self.profile.hours.iter().map(|hour| saturating_nanos(*hour)).collect();
        let saved = Saved { sketch: self.sketch.saved(), learned: saturating_nanos(self.learned), hours };
        // A record of ours always fits; were it not so, the next process would only learn anew.
        encode(&saved).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = decode(bytes)?;
        let wrong = |what: &str| SnapshotError::Content(what.to_owned());
        let sketch =
            Sketch::restored(&saved.sketch, moment.now).ok_or_else(|| wrong("no sketch has such weights"))?;
        let hours: [u64; HOURS] = saved.hours.try_into().map_err(|_| wrong("a day has 24 hours"))?;
        self.sketch = sketch;
        self.profile.hours = std::sync::Arc::new(hours.map(Duration::from_nanos));
        self.learned = self.within(Duration::from_nanos(saved.learned));
        Ok(())
    }
}
