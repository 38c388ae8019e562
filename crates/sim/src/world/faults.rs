use super::source::number_of;
use super::{Damage, Event, HOT, Job, World};
use crate::engine::{Stream, float, nanos};
use crate::scenario::{Fault, FaultKind, Keys, Model, Scenario, Target, When};
use steadfast_actors::outcome::ErrorKind;

/// A fault of the scenario with what is known of it once the world stands.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    fault: Fault,
    key: Option<u64>,
    /// When it ends; `u64::MAX` while that is not known, or never.
    until: u64,
    began: bool,
    ended: bool,
}

/// What befalls an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActorFault {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) what: ActorFaultKind,
}

/// How an actor is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActorFaultKind {
    /// It panics.
    Panic,
    /// Each message with this key makes it panic, until `None` ends that.
    Poison(Option<u64>),
    /// It answers nobody for so many nanoseconds.
    Hang(u64),
    /// The same, with a mailbox that is full from the start.
    MailboxFull(u64),
}

/// How often a clock that runs wrong is set.
const DRIFT: u64 = 10_000_000;

impl World {
    pub(super) fn plan_faults(&mut self, scenario: &Scenario) {
        for (index, fault) in scenario.faults.iter().enumerate() {
            let key = fault.key.as_deref().map(|key| self.key_of(key));
            self.faults.push(Planned {
                fault: fault.clone(),
                key,
                until: u64::MAX,
                began: false,
                ended: false,
            });
            match &fault.when {
                When::At(at) => self.push(*at, Event::Fault(index)),
                When::On(name) => {
                    self.waits_for_events = true;
                    self.recorder.record().awaited.push(name.clone());
                }
            }
        }
    }

    /// The number of a key that a fault names.
    fn key_of(&self, name: &str) -> u64 {
        let hot = |keys: &Keys| matches!(keys, Keys::Hot { key, .. } if key == name);
        if self.sources.iter().any(|source| hot(&source.load.keys)) {
            return HOT;
        }
        let traced = |source: &super::Source| matches!(source.load.model, Model::Trace { .. });
        if self.sources.iter().any(traced) {
            return number_of(name);
        }
        let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        digits.parse().unwrap_or(HOT)
    }

    /// Begins the faults whose event came.
    pub(super) fn begin_awaited(&mut self) {
        if !self.waits_for_events {
            return;
        }
        let came = std::mem::take(&mut self.recorder.record().came);
        for name in came {
            for index in 0..self.faults.len() {
                let Planned { fault, began, .. } = &self.faults[index];
                if !began && matches!(&fault.when, When::On(awaited) if *awaited == name) {
                    self.strike(index);
                }
            }
        }
    }

    /// A fault begins, or strikes again.
    pub(super) fn strike(&mut self, index: usize) {
        if self.faults[index].ended {
            return;
        }
        let first = !std::mem::replace(&mut self.faults[index].began, true);
        let Planned { fault, key, .. } = self.faults[index].clone();
        if first {
            self.log_fault(index, "fault_begin");
            if let Some(lasts) = fault.lasts {
                let until = self.now.saturating_add(lasts);
                self.faults[index].until = until;
                self.push(until, Event::Heal(index));
            }
        }
        let until = self.faults[index].until;
        let lasts = until.saturating_sub(self.now);
        match (&fault.target, &fault.kind) {
            (Target::Link { from, to }, FaultKind::Swizzle(within)) => {
                self.plan_swizzle(index, from, to, *within);
            }
            (Target::Link { from, to }, kind) => {
                let both = matches!(kind, FaultKind::Partition | FaultKind::Hold);
                for channel in self.channels_between(from, to, both) {
                    self.channels[channel].strike(index, kind.clone(), key);
                }
            }
            (Target::Service(name), kind) => {
                let found = self.services.iter().position(|service| service.spec.name == *name);
                if let Some(service) = found {
                    self.strike_service(service, index, kind.clone(), key);
                }
            }
            (Target::Actor { kind, name }, what) => {
                let what = match what {
                    FaultKind::Hang => ActorFaultKind::Hang(lasts),
                    FaultKind::MailboxFull => ActorFaultKind::MailboxFull(lasts),
                    _ if key.is_some() => ActorFaultKind::Poison(key),
                    _ => ActorFaultKind::Panic,
                };
                self.jobs.push(Job::Actor(ActorFault { kind: kind.clone(), name: name.clone(), what }));
            }
            (Target::Clock, FaultKind::Jump(by)) => self.jobs.push(Job::ShiftWall(*by)),
            (Target::Clock, _) => self.push(self.now + DRIFT, Event::Drift(index)),
            (Target::Store(_), kind) => {
                let mut draws = Stream::new(self.seed, &format!("fault/{index}"));
                self.jobs.push(match kind {
                    FaultKind::Torn => Job::Restart(Damage::Torn(draws.below(u64::MAX))),
                    FaultKind::Bitflip => Job::Restart(Damage::Bitflip(draws.below(u64::MAX))),
                    FaultKind::Stale => Job::Restart(Damage::Stale),
                    _ => Job::FillDisk(true),
                });
            }
        }
        let again = self.now.saturating_add(fault.every.unwrap_or(u64::MAX));
        if again < until {
            self.push(again, Event::Fault(index));
        }
    }

    fn strike_service(&mut self, service: usize, fault: usize, kind: FaultKind, key: Option<u64>) {
        let crashes = kind == FaultKind::Crash;
        self.services[service].strike(fault, kind, key);
        if crashes {
            for work in self.services[service].crash() {
                self.reply(work.message, Err(ErrorKind::ConnectionError));
            }
        } else {
            self.pump_all(service);
        }
    }

    /// A fault that no file planned begins now; the number that ends it.
    pub(crate) fn inject(&mut self, fault: Fault, key: Option<u64>) -> usize {
        let index = self.faults.len();
        self.faults.push(Planned { fault, key, until: u64::MAX, began: false, ended: false });
        self.strike(index);
        index
    }

    /// A fault ends, unless it has ended already.
    pub(crate) fn heal(&mut self, index: usize) {
        if std::mem::replace(&mut self.faults[index].ended, true) {
            return;
        }
        if self.faults[index].until > self.now {
            self.faults[index].until = self.now;
        }
        self.log_fault(index, "fault_end");
        if let Planned { fault: Fault { target: Target::Actor { kind, name }, .. }, key: Some(_), .. } =
            &self.faults[index]
        {
            let what = ActorFaultKind::Poison(None);
            self.jobs.push(Job::Actor(ActorFault { kind: kind.clone(), name: name.clone(), what }));
        }
        if self.faults[index].fault.kind == FaultKind::Enospc {
            // What it could not write shows where it has to begin anew.
            self.jobs.extend([Job::Restart(Damage::None), Job::FillDisk(false)]);
        }
        for channel in 0..self.channels.len() {
            self.free(index, channel);
        }
        for service in 0..self.services.len() {
            for work in self.services[service].heal(index) {
                self.finished(service, work);
            }
            self.pump_all(service);
        }
    }

    fn pump_all(&mut self, service: usize) {
        for shard in 0..self.services[service].shards() {
            self.pump(service, shard);
        }
    }

    fn free(&mut self, fault: usize, channel: usize) {
        for parcel in self.channels[channel].heal(fault) {
            // What was held has been under way long enough.
            self.deliver(parcel);
        }
    }

    fn log_fault(&self, index: usize, kind: &'static str) {
        let fault = &self.faults[index].fault;
        let mut record = self.recorder.record();
        let what = fault.kind.as_str();
        let target = fault.target.to_string();
        record
            .log
            .line(self.now, "fault", &index.to_string(), kind)
            .word("target", &target)
            .word("what", what);
        record.came(kind);
    }

    /// The channels from one end to another, in the order in which they were opened.
    fn channels_between(&self, from: &str, to: &str, both: bool) -> Vec<usize> {
        let is = |pattern: &str, end: &str| {
            pattern == "*"
                || pattern == end
                || pattern == "app" && self.handlers.iter().any(|handler| handler == end)
        };
        let matches = |channel: &super::Channel| {
            is(from, &channel.from) && is(to, &channel.to)
                || both && is(from, &channel.to) && is(to, &channel.from)
        };
        (0..self.channels.len()).filter(|index| matches(&self.channels[*index])).collect()
    }

    /// Links are clogged one by one, and freed in random order in the same span of time before the fault ends.
    fn plan_swizzle(&mut self, index: usize, from: &str, to: &str, within: u64) {
        let mut draws = Stream::new(self.seed, &format!("fault/{index}"));
        let until = self.faults[index].until;
        for forward in self.channels_between(from, to, false) {
            let at = self.now.saturating_add(draws.below(within));
            let free = until.saturating_sub(draws.below(within)).max(at);
            // A link is a pair of channels; the one that carries requests was opened first.
            for channel in [forward, forward ^ 1] {
                self.push(at, Event::Swizzle { fault: index, channel, frees: false });
                self.push(free, Event::Swizzle { fault: index, channel, frees: true });
            }
        }
    }

    pub(super) fn swizzle(&mut self, fault: usize, channel: usize, frees: bool) {
        if frees {
            self.free(fault, channel);
        } else {
            self.channels[channel].strike(fault, FaultKind::Clog, None);
        }
    }

    /// Pushes wall time on, or holds it back, until the fault ends.
    pub(super) fn drift(&mut self, index: usize) {
        if self.now > self.faults[index].until {
            return;
        }
        let rate = match self.faults[index].fault.kind {
            FaultKind::Skew(rate) => rate,
            FaultKind::Freeze => 0.0,
            _ => return,
        };
        // Wall time has run by DRIFT itself; it is set to what it should have run.
        let by = if rate >= 1.0 {
            i64::try_from(nanos(float(DRIFT) * (rate - 1.0))).unwrap_or(i64::MAX)
        } else {
            -i64::try_from(nanos(float(DRIFT) * (1.0 - rate))).unwrap_or(i64::MAX)
        };
        self.jobs.push(Job::ShiftWall(by));
        self.push(self.now + DRIFT, Event::Drift(index));
    }

    /// When the last fault that ends has ended; `None` where there is none.
    pub(crate) fn last_heal(scenario: &Scenario) -> Option<u64> {
        let end = |fault: &Fault| match (&fault.when, fault.lasts) {
            (When::At(at), lasts) => Some(at.saturating_add(lasts.unwrap_or(0))),
            (When::On(_), _) => None,
        };
        scenario.faults.iter().filter_map(end).max()
    }

    /// Whether a link or a fault speaks of what clients send to this handler.
    pub(crate) fn has_client_link(scenario: &Scenario, handler: &str) -> bool {
        is_spoken_of(scenario, |a, b| a == "client" && b == handler || a == handler && b == "client")
    }

    /// Whether a link or a fault speaks of messages from `from` to `to`, or back, by these very names.
    pub(crate) fn has_link(scenario: &Scenario, from: &str, to: &str) -> bool {
        let ends = |x: &str, y: &str| (x == from || x == "app") && y == to;
        is_spoken_of(scenario, |a, b| ends(a, b) || ends(b, a))
    }
}

/// Whether a link or a fault names two ends that are meant.
fn is_spoken_of(scenario: &Scenario, meant: impl Fn(&str, &str) -> bool) -> bool {
    let struck = |fault: &Fault| matches!(&fault.target, Target::Link { from, to } if meant(from, to));
    scenario.links.iter().any(|link| meant(&link.from, &link.to)) || scenario.faults.iter().any(struck)
}
