use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Hedge, HedgeAfter};
use crate::adaptive::sketch::{SavedSketch, Sketch};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::settings::Mode;
use crate::snapshot::{SnapshotError, decode, encode};

/// What one further attempt costs; a first attempt earns its `budget` of it.
const ATTEMPT: u64 = 1_000;
/// How many further attempts can be saved up: enough for a blip, too few to double the load of a slow spell.
const SAVED_UP: u64 = 10;
/// Timers are no finer.
const SHORTEST: Duration = Duration::from_millis(1);

/// What can happen to a hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeInput {
    /// A first attempt ended.
    Ended {
        /// What it needed, or had run for when another one won; `None` where it tells nothing of that.
        latency: Option<Duration>,
    },
    /// A caller whose attempt outlasts the delay wants to begin another one.
    Begin,
    /// What was granted under this ticket runs.
    Began(Ticket),
    /// What was granted under this ticket, if anything was, never ran.
    GiveBack(Ticket),
    /// A further attempt answered first.
    Won,
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HedgeRefusal {
    /// Too few calls were seen to know what is slow.
    NotLearned,
    /// The share of further attempts is used up.
    Spent,
}

/// The answer to [`HedgeInput::Begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeReply {
    /// It may begin.
    Granted,
    /// It may not.
    Refused(HedgeRefusal),
}

/// What a hedge publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HedgeStatus {
    /// After which time a further attempt begins; `None` while that is not known.
    pub delay: Option<Duration>,
    /// First attempts that it has learned from, older ones counted for less.
    pub samples: u64,
    /// Further attempts that could begin now; `None` where nothing bounds them.
    pub affordable: Option<u64>,
    /// Further attempts begun.
    pub begun: u64,
    /// Further attempts that answered first.
    pub won: u64,
}

/// A decision of a hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeChange {
    /// Nothing is to be done.
    Nothing,
    /// Learn from a first attempt, and credit it.
    Learn(Option<Duration>),
    /// Let a further attempt begin.
    Grant(Ticket),
    /// Let none begin.
    Refuse(Ticket, HedgeRefusal),
    /// A grant is used.
    Use(Ticket),
    /// A grant comes back.
    Refund(Ticket),
    /// A further attempt was of use.
    Win,
}

/// The hedge as a pure machine.
#[derive(Debug)]
pub struct HedgeMachine {
    config: Hedge,
    sketch: Sketch,
    /// In thousandths of a further attempt.
    credit: u64,
    /// Granted, and neither used nor given back.
    granted: BTreeSet<Ticket>,
    begun: u64,
    won: u64,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    sketch: SavedSketch,
}

impl HedgeMachine {
    fn delay(&self) -> Option<Duration> {
        match self.config.after {
            HedgeAfter::Delay(delay) => Some(delay),
            HedgeAfter::Quantile(thousandths) => {
                let known = self.sketch.samples() >= self.config.needed_samples();
                known.then(|| self.sketch.quantile(thousandths)).flatten()
            }
        }
        .map(|delay| delay.max(SHORTEST))
    }

    fn begin(&self, ticket: Ticket) -> HedgeChange {
        if self.delay().is_none() {
            HedgeChange::Refuse(ticket, HedgeRefusal::NotLearned)
        } else if self.config.budget.is_some() && self.credit < ATTEMPT {
            HedgeChange::Refuse(ticket, HedgeRefusal::Spent)
        } else {
            HedgeChange::Grant(ticket)
        }
    }

    fn earn(&mut self, credit: u64) {
        self.credit = (self.credit + credit).min(SAVED_UP * ATTEMPT);
    }
}

impl Machine for HedgeMachine {
    type Config = Hedge;
    type Gate = ();
    type Input = HedgeInput;
    type Change = HedgeChange;
    type Reply = HedgeReply;
    type Status = HedgeStatus;

    fn new(config: Hedge, _moment: Moment) -> Self {
        HedgeMachine {
            config,
            sketch: Sketch::default(),
            // Full, so that a service with few calls hedges at all.
            credit: SAVED_UP * ATTEMPT,
            granted: BTreeSet::new(),
            begun: 0,
            won: 0,
        }
    }

    fn draws(_: &Hedge) -> bool {
        false
    }

    fn decide(&self, _moment: Moment, ticket: Option<Ticket>, input: &HedgeInput) -> HedgeChange {
        match (*input, ticket) {
            (HedgeInput::Ended { latency }, _) => HedgeChange::Learn(latency),
            (HedgeInput::Begin, Some(ticket)) => self.begin(ticket),
            (HedgeInput::Began(ticket), _) if self.granted.contains(&ticket) => HedgeChange::Use(ticket),
            (HedgeInput::GiveBack(ticket), _) if self.granted.contains(&ticket) => {
                HedgeChange::Refund(ticket)
            }
            (HedgeInput::Won, _) => HedgeChange::Win,
            _ => HedgeChange::Nothing,
        }
    }

    fn apply(&mut self, moment: Moment, change: HedgeChange, effects: &mut Effects<HedgeReply>) {
        match change {
            HedgeChange::Nothing => {}
            HedgeChange::Learn(latency) => {
                if let Some(latency) = latency {
                    self.sketch.record(moment.now, latency);
                }
                self.earn(u64::from(self.config.budget.unwrap_or(0)));
            }
            HedgeChange::Grant(ticket) => {
                self.credit = self.credit.saturating_sub(ATTEMPT);
                self.granted.insert(ticket);
                effects.reply(ticket, HedgeReply::Granted);
            }
            HedgeChange::Refuse(ticket, why) => effects.reply(ticket, HedgeReply::Refused(why)),
            HedgeChange::Use(ticket) => {
                self.granted.remove(&ticket);
                self.begun += 1;
            }
            HedgeChange::Refund(ticket) => {
                self.granted.remove(&ticket);
                self.earn(ATTEMPT);
            }
            HedgeChange::Win => self.won += 1,
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _moment: Moment) -> HedgeChange {
        HedgeChange::Nothing
    }

    fn status(&self, _now: Time) -> HedgeStatus {
        HedgeStatus {
            delay: self.delay().filter(|_| self.config.mode != Mode::Off),
            samples: self.sketch.samples(),
            affordable: self.config.budget.map(|_| self.credit / ATTEMPT),
            begun: self.begun,
            won: self.won,
        }
    }

    fn describe(status: &HedgeStatus) -> String {
        let HedgeStatus { delay, samples, begun, won, .. } = status;
        match delay {
            Some(delay) => format!("after {delay:?}; {begun} begun, {won} of them won"),
            None => format!("has seen {samples} calls, too few to know what is slow"),
        }
    }

    fn reconfigure(&mut self, _moment: Moment, config: Hedge, effects: &mut Effects<HedgeReply>) {
        self.config = config;
        effects.happened(Happening::Notice { text: format!("now {config}") });
    }

    fn snapshot(&self, _moment: Moment) -> Vec<u8> {
        // A record of ours always fits; were it not so, the next process would only learn anew.
        encode(&Saved { sketch: self.sketch.saved() }).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = decode(bytes)?;
        self.sketch = Sketch::restored(&saved.sketch, moment.now)
            .ok_or_else(|| SnapshotError::Content("no sketch has such weights".to_owned()))?;
        Ok(())
    }
}
