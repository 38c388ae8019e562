use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::control::{Control, WHOLE};
use super::{BrownoutStatus, DegradeGracefully};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::SnapshotError;

/// The most parts of one site that are told apart.
pub const MOST_PARTS: usize = 64;

/// What can happen to a brown-out controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrownoutInput {
    /// A call of the site ended.
    Took {
        /// After so long.
        latency: Duration,
    },
    /// The site has a part of this name.
    Part {
        /// Its place: parts of a higher one are left out first.
        order: u32,
        /// Its name.
        name: String,
    },
}

/// A decision of a brown-out controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrownoutChange {
    /// Nothing is to be done but to look at the time.
    Nothing,
    /// Count a call.
    Count(Duration),
    /// Tell a part from the others from now on.
    Know(u32, String),
}

/// The brown-out controller as a pure machine.
///
/// It has no deadline: what should have happened since is made up for by the next call.
#[derive(Debug)]
pub struct BrownoutMachine {
    config: DegradeGracefully,
    control: Control,
    parts: Arc<BTreeSet<(u32, String)>>,
}

impl Machine for BrownoutMachine {
    type Config = DegradeGracefully;
    type Gate = ();
    type Input = BrownoutInput;
    type Change = BrownoutChange;
    type Reply = ();
    type Status = BrownoutStatus;

    fn new(config: DegradeGracefully, moment: Moment) -> Self {
        BrownoutMachine { config, control: Control::new(moment.now), parts: Arc::default() }
    }

    fn draws(_: &DegradeGracefully) -> bool {
        false
    }

    fn decide(&self, _moment: Moment, _ticket: Option<Ticket>, input: &BrownoutInput) -> BrownoutChange {
        match input {
            BrownoutInput::Took { latency } => BrownoutChange::Count(*latency),
            BrownoutInput::Part { order, name } => {
                let known = self.parts.contains(&(*order, name.clone()));
                if known || self.parts.len() >= MOST_PARTS {
                    BrownoutChange::Nothing
                } else {
                    BrownoutChange::Know(*order, name.clone())
                }
            }
        }
    }

    fn apply(&mut self, moment: Moment, change: BrownoutChange, effects: &mut Effects<()>) {
        let before = self.control.dimmer;
        if let Some(target) = self.config.latency_target {
            self.control.catch_up(target, moment.now);
        }
        match change {
            BrownoutChange::Nothing => {}
            BrownoutChange::Count(latency) => self.control.took(moment.now, latency),
            BrownoutChange::Know(order, name) => {
                Arc::make_mut(&mut self.parts).insert((order, name));
            }
        }
        let (from, to) = match (before == WHOLE, self.control.dimmer == WHOLE) {
            (true, false) => ("full", "dimmed"),
            (false, true) => ("dimmed", "full"),
            _ => return,
        };
        let quantile = self.control.quantile.unwrap_or_default();
        let reason = format!("95 % of its calls took {quantile:?}");
        effects.happened(Happening::Transition { from: from.to_owned(), to: to.to_owned(), reason });
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _moment: Moment) -> BrownoutChange {
        BrownoutChange::Nothing
    }

    fn status(&self, _now: Time) -> BrownoutStatus {
        BrownoutStatus {
            dimmer: u32::try_from(self.control.dimmer).unwrap_or(0),
            quantile: self.control.quantile,
            parts: Arc::clone(&self.parts),
        }
    }

    fn describe(status: &BrownoutStatus) -> String {
        let (on, parts) = (status.dimmer / 10, status.parts.len());
        format!("{on} % of {parts} optional parts on")
    }

    fn reconfigure(&mut self, _moment: Moment, config: DegradeGracefully, effects: &mut Effects<()>) {
        self.config = config;
        effects.happened(Happening::Notice { text: format!("now {config}") });
    }

    fn snapshot(&self, _moment: Moment) -> Vec<u8> {
        // Stress belongs to the moment, and parts make themselves known.
        Vec::new()
    }

    fn restore(&mut self, _moment: Moment, _bytes: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }
}
