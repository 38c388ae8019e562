use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cell::Grant;
use super::config::BreakerConfig;
use super::machine::{BreakerChange, BreakerMachine};
use super::protocol::{BreakerInput, BreakerReply, BreakerState, BreakerStatus};
use crate::clock::{Moment, Time};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::snapshot::{self, SnapshotError};

/// The most keys that have a breaker of their own at once.
pub const MAX_KEYS: usize = 10_000;

/// What can happen to a breaker, or to the one of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedInput {
    /// Whose; `None` where all calls share one.
    pub key: Option<Arc<str>>,
    /// What.
    pub input: BreakerInput,
}

/// What a breaker publishes of itself and of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedStatus {
    /// The one that all calls without a key share.
    pub own: BreakerStatus,
    /// Keys that have one of their own.
    pub keys: usize,
    /// Of these, all that are not closed.
    pub unsettled: Unsettled,
}

/// The keys whose breakers are not closed; most breakers never have one, and then it takes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsettled(Option<Arc<BTreeMap<Arc<str>, BreakerStatus>>>);

impl Unsettled {
    fn change(&mut self) -> &mut BTreeMap<Arc<str>, BreakerStatus> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl Deref for Unsettled {
    type Target = BTreeMap<Arc<str>, BreakerStatus>;

    fn deref(&self) -> &Self::Target {
        static NONE: BTreeMap<Arc<str>, BreakerStatus> = BTreeMap::new();
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Whose breaker decides.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Own,
    Key(Arc<str>),
    /// One that is new, in the place of another where there is no room.
    New(Arc<str>, Option<Arc<str>>),
    /// All keys share it for which there is no room.
    Overflow,
}

/// A decision of one of the breakers.
#[derive(Clone, Debug)]
pub struct KeyedChange {
    place: Place,
    change: BreakerChange,
}

#[derive(Debug)]
struct Entry {
    machine: BreakerMachine,
    deadline: Option<Time>,
    /// When it was used last, as a number that grows with each use; `None` while there is something to forget.
    idle: Option<u64>,
}

/// A breaker for each key under one name, and one for all calls without a key: one actor, however many keys there are.
///
/// A key whose breaker is as good as new, closed and without a failure in its window, gives its place to another when
/// all places are taken. If there is none, the keys beyond share one breaker.
#[derive(Debug)]
pub struct KeyedBreakerMachine {
    own: BreakerMachine,
    keys: BTreeMap<Arc<str>, Entry>,
    overflow: Option<Box<BreakerMachine>>,
    most: usize,
    deadlines: BTreeSet<(Time, Arc<str>)>,
    idle: BTreeSet<(u64, Arc<str>)>,
    uses: u64,
    births: u64,
    unsettled: Unsettled,
}

/// A key as logs may show it.
fn masked(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..16].to_owned()
}

impl KeyedBreakerMachine {
    #[cfg(test)]
    pub(super) fn with_most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    #[cfg(test)]
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(|key| &**key)
    }

    /// One that answers under epochs of its own: what an earlier one of this key admitted is none of its calls.
    fn born(&mut self) -> BreakerMachine {
        self.births += 1;
        BreakerMachine::sharing(Arc::clone(self.own.config())).with_epoch((self.births << 32) | 1)
    }

    fn place(&self, key: &Option<Arc<str>>, input: &BreakerInput) -> Option<Place> {
        let Some(key) = key else { return Some(Place::Own) };
        if self.keys.contains_key(key) {
            return Some(Place::Key(Arc::clone(key)));
        }
        let opens_one = matches!(input, BreakerInput::Admit { .. } | BreakerInput::Force(_));
        if opens_one && self.keys.len() < self.most {
            return Some(Place::New(Arc::clone(key), None));
        }
        match self.idle.first() {
            Some((_, idlest)) if opens_one => Some(Place::New(Arc::clone(key), Some(Arc::clone(idlest)))),
            // A report of a key that gave its place up says nothing to anybody: the overflow knows its own epochs.
            _ => (opens_one || self.overflow.is_some()).then_some(Place::Overflow),
        }
    }

    fn fresh(&self) -> BreakerMachine {
        BreakerMachine::sharing(Arc::clone(self.own.config()))
    }

    /// What callers without a key may do without a message: the grant, its epoch, and until when it holds.
    pub(super) fn granted(&self, now: Time) -> (Grant, u64, Time) {
        let (grant, until) = self.own.granted(now);
        (grant, self.own.epoch(), until)
    }

    fn forget(&mut self, key: &Arc<str>) {
        let Some(entry) = self.keys.remove(key) else { return };
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, Arc::clone(key)));
        }
        if let Some(used) = entry.idle {
            self.idle.remove(&(used, Arc::clone(key)));
        }
    }

    /// Brings what is known of a key up to date after a change of its breaker.
    fn settle(&mut self, now: Time, key: &Arc<str>) {
        self.uses += 1;
        let Some(entry) = self.keys.get_mut(key) else { return };
        if let Some(deadline) = entry.deadline.take() {
            self.deadlines.remove(&(deadline, Arc::clone(key)));
        }
        if let Some(used) = entry.idle.take() {
            self.idle.remove(&(used, Arc::clone(key)));
        }
        entry.deadline = entry.machine.deadline();
        self.deadlines.extend(entry.deadline.map(|deadline| (deadline, Arc::clone(key))));
        entry.idle = entry.machine.is_as_new().then_some(self.uses);
        self.idle.extend(entry.idle.map(|used| (used, Arc::clone(key))));
        let status = entry.machine.status(now);
        let known = self.unsettled.get(key);
        let closed = status.state == BreakerState::Closed;
        if closed && known.is_some() {
            self.unsettled.change().remove(key);
        } else if !closed && known != Some(&status) {
            self.unsettled.change().insert(Arc::clone(key), status);
        }
    }
}

/// Carries a change of a key's breaker out; what happened says which key it was.
fn apply_of_key(
    machine: &mut BreakerMachine,
    moment: Moment,
    whose: &str,
    change: BreakerChange,
    effects: &mut Effects<BreakerReply>,
) {
    let mut inner = Effects::default();
    machine.apply(moment, change, &mut inner);
    if inner.take_drew() {
        effects.drew();
    }
    for answer in inner.take_replies() {
        effects.reply(answer.ticket, answer.reply);
    }
    for happening in inner.take_happenings() {
        effects.happened(match happening {
            Happening::Transition { from, to, reason } => {
                Happening::Transition { from, to, reason: format!("{reason} ({whose})") }
            }
            other => other,
        });
    }
}

/// What outlives the process: the one without a key, then those of all keys that are not as good as new.
#[derive(Serialize, Deserialize)]
struct Saved {
    own: Vec<u8>,
    keys: Vec<(String, Vec<u8>)>,
}

impl Machine for KeyedBreakerMachine {
    /// Shared by the breakers of all keys, and with whoever declared it.
    type Config = Arc<BreakerConfig>;
    type Input = KeyedInput;
    type Change = KeyedChange;
    type Reply = BreakerReply;
    type Status = KeyedStatus;
    type Gate = super::gate::BreakerGate;

    fn new(config: Arc<BreakerConfig>, _moment: Moment) -> Self {
        KeyedBreakerMachine {
            own: BreakerMachine::sharing(config),
            keys: BTreeMap::new(),
            overflow: None,
            most: MAX_KEYS,
            deadlines: BTreeSet::new(),
            idle: BTreeSet::new(),
            uses: 0,
            births: 0,
            unsettled: Unsettled::default(),
        }
    }

    fn draws(config: &Arc<BreakerConfig>) -> bool {
        config.jitter
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &KeyedInput) -> KeyedChange {
        let KeyedInput { key, input } = input;
        let Some(place) = self.place(key, input) else {
            return KeyedChange { place: Place::Own, change: BreakerChange::Nothing };
        };
        let change = match &place {
            Place::Own => self.own.decide(moment, ticket, input),
            Place::Key(key) => self
                .keys
                .get(key)
                .map_or(BreakerChange::Nothing, |entry| entry.machine.decide(moment, ticket, input)),
            Place::Overflow if self.overflow.is_some() => self
                .overflow
                .as_ref()
                .map_or(BreakerChange::Nothing, |shared| shared.decide(moment, ticket, input)),
            // It is closed, whatever its epoch will be.
            Place::New(..) | Place::Overflow => match (input, ticket) {
                (BreakerInput::Admit { .. }, Some(ticket)) => BreakerChange::Pass(ticket),
                _ => self.fresh().decide(moment, ticket, input),
            },
        };
        KeyedChange { place, change }
    }

    fn apply(&mut self, moment: Moment, change: KeyedChange, effects: &mut Effects<BreakerReply>) {
        let KeyedChange { place, change } = change;
        match place {
            Place::Own => self.own.apply(moment, change, effects),
            Place::New(key, instead_of) => {
                if let Some(idlest) = instead_of {
                    self.forget(&idlest);
                }
                let mut machine = self.born();
                apply_of_key(&mut machine, moment, &format!("key {}", masked(&key)), change, effects);
                self.keys.insert(Arc::clone(&key), Entry { machine, deadline: None, idle: None });
                self.settle(moment.now, &key);
            }
            Place::Key(key) => {
                if let Some(entry) = self.keys.get_mut(&key) {
                    let whose = format!("key {}", masked(&key));
                    apply_of_key(&mut entry.machine, moment, &whose, change, effects);
                    self.settle(moment.now, &key);
                }
            }
            Place::Overflow => {
                if self.overflow.is_none() {
                    let text = format!("it has {} keys in trouble; the others share one breaker", self.most);
                    effects.happened(Happening::Notice { text });
                    self.overflow = Some(Box::new(self.born()));
                }
                if let Some(shared) = &mut self.overflow {
                    apply_of_key(shared, moment, "all other keys", change, effects);
                }
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        let keys = self.deadlines.first().map(|(deadline, _)| *deadline);
        let overflow = self.overflow.as_deref().and_then(Machine::deadline);
        [self.own.deadline(), keys, overflow].into_iter().flatten().min()
    }

    fn expire(&self, moment: Moment) -> KeyedChange {
        let over = |deadline: Option<Time>| deadline.is_some_and(|deadline| deadline <= moment.now);
        let place = if over(self.own.deadline()) {
            Place::Own
        } else if let Some((_, key)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= moment.now)
        {
            Place::Key(Arc::clone(key))
        } else {
            Place::Overflow
        };
        KeyedChange { place, change: self.own.expire(moment) }
    }

    fn status(&self, now: Time) -> KeyedStatus {
        let own = self.own.status(now);
        KeyedStatus { own, keys: self.keys.len(), unsettled: self.unsettled.clone() }
    }

    fn describe(status: &KeyedStatus) -> String {
        let own = BreakerMachine::describe(&status.own);
        if status.keys == 0 {
            return own;
        }
        format!("{own}; {} of {} keys not closed", status.unsettled.len(), status.keys)
    }

    fn reconfigure(
        &mut self,
        moment: Moment,
        config: Arc<BreakerConfig>,
        effects: &mut Effects<BreakerReply>,
    ) {
        self.own.adopt(moment, Arc::clone(&config), effects);
        if let Some(shared) = &mut self.overflow {
            shared.adopt(moment, Arc::clone(&config), effects);
        }
        let keys: Vec<Arc<str>> = self.keys.keys().map(Arc::clone).collect();
        for key in keys {
            if let Some(entry) = self.keys.get_mut(&key) {
                entry.machine.adopt(moment, Arc::clone(&config), effects);
            }
            self.settle(moment.now, &key);
        }
    }

    fn snapshot(&self, moment: Moment) -> Vec<u8> {
        let saved = Saved {
            own: self.own.snapshot(moment),
            keys: self
                .unsettled
                .keys()
                .filter_map(|key| Some((key.to_string(), self.keys.get(key)?.machine.snapshot(moment))))
                .collect(),
        };
        snapshot::encode(&saved).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = snapshot::decode(bytes)?;
        let mut keys = Vec::new();
        for (key, bytes) in saved.keys.iter().take(self.most) {
            let mut machine = self.born();
            machine.restore(moment, bytes)?;
            keys.push((Arc::<str>::from(key.as_str()), machine));
        }
        self.own.restore(moment, &saved.own)?;
        for (key, machine) in keys {
            self.forget(&key);
            self.keys.insert(Arc::clone(&key), Entry { machine, deadline: None, idle: None });
            self.settle(moment.now, &key);
        }
        Ok(())
    }

    fn key(input: &KeyedInput) -> Option<Cow<'_, str>> {
        input.key.as_deref().map(Cow::Borrowed)
    }
}
