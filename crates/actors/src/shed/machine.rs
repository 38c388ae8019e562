use std::time::Duration;

use super::Shed;
use super::control::{CLASSES, Control};
use crate::bulkhead::Priority;
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::SnapshotError;

/// What can happen to a shedder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedInput {
    /// A call asks whether it may wait.
    Admit {
        /// Its class.
        priority: Priority,
    },
    /// A call that passed without asking came.
    Came {
        /// Its class.
        priority: Priority,
    },
    /// A call that passed has waited.
    Waited {
        /// Its class.
        priority: Priority,
        /// For so long.
        delay: Duration,
    },
}

/// A shedder's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedReply {
    /// It may.
    Admitted,
    /// It is turned away.
    Shed,
}

/// What a shedder publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShedStatus {
    /// Which share of calls is turned away, in thousandths; of each class as many as its place says.
    pub share: u64,
    /// The least delay of the present interval, of the class that waits longest.
    pub delay: Option<Duration>,
    /// Calls that were turned away, by class, the highest first.
    pub shed: [u64; CLASSES],
}

impl ShedStatus {
    /// Whether every call passes, so that none needs to ask.
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        self.share == 0
    }
}

/// A decision of a shedder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedChange {
    /// Nothing is to be done but to look at the time.
    Nothing,
    /// Let a call pass, and count it.
    Admit(Ticket, Priority),
    /// Turn it away, and count it.
    Shed(Ticket, Priority),
    /// Count one that passed without asking.
    Count(Priority),
    /// Note how long one of a class waited.
    Note(Priority, Duration),
}

/// The shedder as a pure machine.
///
/// It has no deadline: what should have happened since is made up for by the next call, and without calls there is
/// nothing to shed.
#[derive(Debug)]
pub struct ShedMachine {
    config: Shed,
    control: Control,
    shed: [u64; CLASSES],
}

impl ShedMachine {
    /// The control as it stands at `now`.
    fn caught_up(&self, now: Time) -> Control {
        let mut control = self.control.clone();
        control.catch_up(&self.config, now);
        control
    }
}

impl Machine for ShedMachine {
    type Config = Shed;
    type Gate = ();
    type Input = ShedInput;
    type Change = ShedChange;
    type Reply = ShedReply;
    type Status = ShedStatus;

    fn new(config: Shed, moment: Moment) -> Self {
        ShedMachine { config, control: Control::new(&config, moment.now), shed: [0; CLASSES] }
    }

    fn draws(_: &Shed) -> bool {
        false
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &ShedInput) -> ShedChange {
        match (*input, ticket) {
            (ShedInput::Admit { priority }, Some(ticket)) => {
                if self.caught_up(moment.now).sheds(priority) {
                    ShedChange::Shed(ticket, priority)
                } else {
                    ShedChange::Admit(ticket, priority)
                }
            }
            (ShedInput::Admit { .. }, None) => ShedChange::Nothing,
            (ShedInput::Came { priority }, _) => ShedChange::Count(priority),
            (ShedInput::Waited { priority, delay }, _) => ShedChange::Note(priority, delay),
        }
    }

    fn apply(&mut self, moment: Moment, change: ShedChange, effects: &mut Effects<ShedReply>) {
        let was_calm = self.control.share == 0;
        self.control.catch_up(&self.config, moment.now);
        match change {
            ShedChange::Nothing => {}
            ShedChange::Admit(ticket, class) => {
                self.control.came(class);
                self.control.count(class, false);
                effects.reply(ticket, ShedReply::Admitted);
            }
            ShedChange::Shed(ticket, class) => {
                self.control.came(class);
                self.control.count(class, true);
                self.shed[class.index()] += 1;
                effects.reply(ticket, ShedReply::Shed);
            }
            ShedChange::Count(class) => self.control.came(class),
            ShedChange::Note(class, delay) => self.control.waited(class, delay),
        }
        let (from, to) = match (was_calm, self.control.share == 0) {
            (true, false) => ("calm", "shedding"),
            (false, true) => ("shedding", "calm"),
            _ => return,
        };
        let reason = format!("{} were turned away so far", self.shed.iter().sum::<u64>());
        effects.happened(Happening::Transition { from: from.to_owned(), to: to.to_owned(), reason });
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _moment: Moment) -> ShedChange {
        ShedChange::Nothing
    }

    fn status(&self, _now: Time) -> ShedStatus {
        ShedStatus { share: self.control.share, delay: self.control.least(), shed: self.shed }
    }

    fn describe(status: &ShedStatus) -> String {
        if status.is_calm() {
            return "calm".to_owned();
        }
        let [high, normal, low, background] = status.shed;
        let share = status.share / 10;
        format!(
            "turns {share} % away; so far {high} high, {normal} normal, {low} low, {background} background"
        )
    }

    fn reconfigure(&mut self, moment: Moment, config: Shed, effects: &mut Effects<ShedReply>) {
        self.control.catch_up(&self.config, moment.now);
        self.config = config;
        effects.happened(Happening::Notice { text: format!("now {config}") });
    }

    fn snapshot(&self, _moment: Moment) -> Vec<u8> {
        // Load belongs to the moment: the next process finds its own.
        Vec::new()
    }

    fn restore(&mut self, _moment: Moment, _bytes: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }
}
