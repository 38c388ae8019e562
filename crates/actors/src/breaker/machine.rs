use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cell::Grant;
use super::config::BreakerConfig;
use super::protocol::{BreakerInput, BreakerReply, BreakerState, BreakerStatus, Force};
use super::window::{Counts, Mark, Window};
use crate::clock::{Moment, Time, WallTime, saturating_nanos};
use crate::event::Happening;
use crate::machine::{Effects, Machine, Ticket};
use crate::outcome::Health;
use crate::snapshot::{self, SnapshotError};

#[derive(Clone, Debug)]
enum State {
    Closed { window: Window, ramp: Option<Ramp> },
    Open { until: Time },
    HalfOpen { successes: u32, probes: BTreeMap<Ticket, Time> },
    ForcedOpen,
    ForcedClosed,
}

/// Slow start: so many calls may be in flight, one more for each full round of successes.
#[derive(Clone, Debug)]
struct Ramp {
    until: Time,
    limit: u32,
    round: u32,
    /// Each with the time at which its place is free again though it never answered.
    in_flight: BTreeMap<Ticket, Time>,
}

fn places_taken(leases: &BTreeMap<Ticket, Time>, now: Time) -> usize {
    leases.values().filter(|end| **end > now).count()
}

/// A decision of a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    /// Nothing is to be done.
    Nothing,
    /// Answer a caller.
    Answer(Ticket, BreakerReply),
    /// Let a call pass, in the epoch that it then is.
    Pass(Ticket),
    /// Let a call pass that takes a place in the slow start.
    Ramp(Ticket, Time),
    /// Let a probe pass, going to half open first where need be.
    Probe(Ticket, Time),
    /// Book an outcome.
    Record {
        /// Whose.
        ticket: Ticket,
        /// What it says of the dependency.
        health: Health,
        /// Whether it was slow.
        slow: bool,
    },
    /// Book so many successes.
    Count(u64),
    /// Look at the window again: a bucket has left it.
    Evaluate,
    /// Carry an operator's order out.
    Force(Force),
}

/// The breaker as a pure machine.
#[derive(Debug)]
pub struct BreakerMachine {
    config: Arc<BreakerConfig>,
    state: State,
    epoch: u64,
    /// How often it opened without closing in between: the open time doubles with it.
    openings: u32,
}

impl BreakerMachine {
    /// One that shares its settings: with every other key of its name.
    pub(super) fn sharing(config: Arc<BreakerConfig>) -> Self {
        let window = Window::new(config.window);
        BreakerMachine { config, state: State::Closed { window, ramp: None }, epoch: 1, openings: 0 }
    }

    /// Its settings.
    pub(super) fn config(&self) -> &Arc<BreakerConfig> {
        &self.config
    }

    /// Takes other settings.
    pub(super) fn adopt(
        &mut self,
        moment: Moment,
        config: Arc<BreakerConfig>,
        effects: &mut Effects<BreakerReply>,
    ) {
        let span = config.window;
        let other_window = span != self.config.window;
        self.config = config;
        if let State::Closed { window, .. } = &mut self.state {
            if other_window {
                *window = Window::new(span);
            }
            self.evaluate(moment, effects);
        }
    }

    /// The same, counting its epochs from another number.
    pub(super) fn with_epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// Whether a new one in its place would decide alike: successes alone keep nobody out.
    pub(super) fn is_as_new(&self) -> bool {
        let State::Closed { window, ramp: None } = &self.state else { return false };
        let Counts { failures, slow, .. } = window.counts();
        failures == 0 && slow == 0 && self.openings == 0
    }

    fn name(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::ForcedOpen => BreakerState::ForcedOpen,
            State::ForcedClosed => BreakerState::ForcedClosed,
        }
    }

    fn open_time(&self) -> Duration {
        let base = self.config.recovery_timeout;
        self.config.max_recovery_timeout.map_or(base, |most| {
            base.checked_mul(1 << self.openings.saturating_sub(1).min(20)).unwrap_or(most).min(most)
        })
    }

    fn enter(&mut self, state: State, reason: String, effects: &mut Effects<BreakerReply>) {
        let from = self.name();
        self.state = state;
        self.epoch += 1;
        effects.happened(Happening::Transition {
            from: from.as_str().to_owned(),
            to: self.name().as_str().to_owned(),
            reason,
        });
    }

    fn open(&mut self, moment: Moment, reason: String, effects: &mut Effects<BreakerReply>) {
        self.openings = self.openings.saturating_add(1);
        let open_time = self.open_time();
        let spread = if self.config.jitter {
            effects.drew();
            spread(open_time, moment.random)
        } else {
            open_time
        };
        let until = moment.now.after(spread);
        self.enter(State::Open { until }, reason, effects);
    }

    fn close(&mut self, now: Time, reason: String, effects: &mut Effects<BreakerReply>) {
        self.openings = 0;
        let slow_start = self.config.slow_start;
        let ramp = (!slow_start.is_zero()).then(|| Ramp {
            until: now.after(slow_start),
            limit: self.config.half_open_permits,
            round: 0,
            in_flight: BTreeMap::new(),
        });
        self.enter(State::Closed { window: Window::new(self.config.window), ramp }, reason, effects);
    }

    /// Why these counts open the breaker; `None` while they don't.
    fn verdict(&self, counts: Counts) -> Option<String> {
        let config = &self.config;
        let Counts { total, failures, slow } = counts;
        let share = |part: u32| f64::from(part) / f64::from(total.max(1));
        let enough = total >= config.minimum_requests;
        let by_count = config.failure_threshold.is_none_or(|least| failures >= least);
        let by_rate = config.failure_rate_threshold.is_none_or(|rate| enough && share(failures) >= rate);
        if failures > 0 && by_count && by_rate {
            return Some(format!("{failures} failures in {total} calls"));
        }
        let slow_rule = config.slow_call_duration.is_some() && enough;
        (slow_rule && share(slow) >= config.slow_call_rate_threshold)
            .then(|| format!("{slow} slow calls in {total} calls"))
    }

    /// A failing number with the rate not reached yet: old successes that leave can open it.
    fn hinges_on_time(&self, counts: Counts) -> bool {
        let number = self.config.failure_threshold.unwrap_or(1);
        counts.failures >= number || (self.config.slow_call_duration.is_some() && counts.slow > 0)
    }

    fn admit(&self, now: Time, ticket: Ticket, patience: Option<Duration>) -> BreakerChange {
        let lease = || now.after(self.config.probe_lease(patience));
        let refused = |retry_after| {
            BreakerChange::Answer(ticket, BreakerReply::Refused { state: self.name(), retry_after })
        };
        match &self.state {
            State::ForcedClosed => BreakerChange::Pass(ticket),
            State::ForcedOpen => refused(None),
            State::Open { until } if now < *until => refused(Some(now.until(*until))),
            State::Open { .. } => BreakerChange::Probe(ticket, lease()),
            State::HalfOpen { probes, .. } => {
                if places_taken(probes, now) < self.config.half_open_permits as usize {
                    return BreakerChange::Probe(ticket, lease());
                }
                refused(probes.values().filter(|end| **end > now).min().map(|end| now.until(*end)))
            }
            State::Closed { ramp: Some(ramp), .. } if now < ramp.until => {
                if places_taken(&ramp.in_flight, now) < ramp.limit as usize {
                    BreakerChange::Ramp(ticket, lease())
                } else {
                    // Any answer in flight frees a place, so no later time could honestly be named.
                    refused(None)
                }
            }
            State::Closed { .. } => BreakerChange::Pass(ticket),
        }
    }

    fn record(
        &mut self,
        moment: Moment,
        ticket: Ticket,
        health: Health,
        slow: bool,
        effects: &mut Effects<BreakerReply>,
    ) {
        let now = moment.now;
        match &mut self.state {
            State::Closed { window, ramp } => {
                if let Some(slow_start) = ramp {
                    slow_start.in_flight.remove(&ticket);
                    if now >= slow_start.until {
                        *ramp = None;
                    } else if health == Health::Success {
                        slow_start.round += 1;
                        if slow_start.round >= slow_start.limit {
                            slow_start.limit = slow_start.limit.saturating_add(1);
                            slow_start.round = 0;
                        }
                    }
                }
                if health != Health::Neutral {
                    window.record(now, Mark { failure: health == Health::Failure, slow });
                    self.evaluate(moment, effects);
                }
            }
            State::HalfOpen { successes, probes } => {
                probes.remove(&ticket);
                let slow = slow && self.config.slow_call_duration.is_some();
                match health {
                    Health::Neutral => {}
                    Health::Success if !slow => {
                        *successes += 1;
                        if *successes >= self.config.success_threshold {
                            let reason = format!("{successes} probes in a row succeeded");
                            self.close(now, reason, effects);
                        }
                    }
                    Health::Success => {
                        let reason = format!("a probe was slow after {successes} that succeeded");
                        self.open(moment, reason, effects);
                    }
                    Health::Failure => {
                        let reason = format!("a probe failed after {successes} that succeeded");
                        self.open(moment, reason, effects);
                    }
                }
            }
            State::Open { .. } | State::ForcedOpen | State::ForcedClosed => {}
        }
    }

    fn count(&mut self, moment: Moment, successes: u64, effects: &mut Effects<BreakerReply>) {
        if let State::Closed { window, ramp } = &mut self.state {
            // What is counted was admitted when no place in flight was needed any more.
            ramp.take_if(|slow_start| moment.now >= slow_start.until);
            window.record_successes(moment.now, successes);
            self.evaluate(moment, effects);
        }
    }

    /// What callers may do without a message: the grant, its epoch, and until when it holds.
    pub(super) fn granted(&self, now: Time) -> (Grant, Time) {
        match &self.state {
            State::Closed { ramp: Some(ramp), .. } if now < ramp.until => (Grant::Ask, Time::MAX),
            State::Closed { window, .. } => {
                let counts = window.counts_at(now);
                let minimum = self.config.minimum_requests;
                let at_minimum = Counts { total: minimum, ..counts };
                let success_may_open = counts.total < minimum && self.verdict(at_minimum).is_some();
                let grant = if success_may_open { Grant::Report } else { Grant::Count };
                (grant, window.bucket_end(now))
            }
            State::Open { until } => (Grant::Refuse, *until),
            State::HalfOpen { .. } => (Grant::Ask, Time::MAX),
            State::ForcedOpen => (Grant::RefuseAll, Time::MAX),
            State::ForcedClosed => (Grant::PassAll, Time::MAX),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn evaluate(&mut self, moment: Moment, effects: &mut Effects<BreakerReply>) {
        if let State::Closed { window, .. } = &mut self.state {
            window.roll(moment.now);
            let counts = window.counts();
            if let Some(reason) = self.verdict(counts) {
                self.open(moment, reason, effects);
            }
        }
    }
}

/// A tenth more or less: processes that opened together must not come back together.
fn spread(time: Duration, random: u64) -> Duration {
    let nanos = saturating_nanos(time);
    let tenth = nanos / 10;
    let drawn = (u128::from(random) * (u128::from(tenth) * 2 + 1)) >> 64;
    let drawn = u64::try_from(drawn).unwrap_or(u64::MAX);
    Duration::from_nanos((nanos - tenth).saturating_add(drawn))
}

/// What outlives the process: an open breaker and the rest of its open time.
#[derive(Serialize, Deserialize)]
struct Saved {
    forced: Option<bool>,
    open: Option<(Duration, WallTime)>,
    openings: u32,
}

impl Machine for BreakerMachine {
    type Config = BreakerConfig;
    type Input = BreakerInput;
    type Change = BreakerChange;
    type Reply = BreakerReply;
    type Status = BreakerStatus;
    type Gate = ();

    fn new(config: BreakerConfig, _moment: Moment) -> Self {
        BreakerMachine::sharing(Arc::new(config))
    }

    fn decide(&self, moment: Moment, ticket: Option<Ticket>, input: &BreakerInput) -> BreakerChange {
        match input {
            BreakerInput::Admit { patience } => {
                ticket.map_or(BreakerChange::Nothing, |ticket| self.admit(moment.now, ticket, *patience))
            }
            BreakerInput::Report { epoch, .. } if *epoch != self.epoch => BreakerChange::Nothing,
            BreakerInput::Report { ticket, outcome, .. } => {
                let (health, slow) = self.config.judge(outcome);
                BreakerChange::Record { ticket: *ticket, health, slow }
            }
            BreakerInput::Counted { epoch, successes } => {
                let is_present = u64::from(*epoch) == self.epoch & u64::from(u32::MAX);
                if is_present { BreakerChange::Count(*successes) } else { BreakerChange::Nothing }
            }
            BreakerInput::GiveBack { ticket } => {
                BreakerChange::Record { ticket: *ticket, health: Health::Neutral, slow: false }
            }
            BreakerInput::Force(order) => BreakerChange::Force(*order),
        }
    }

    fn apply(&mut self, moment: Moment, change: BreakerChange, effects: &mut Effects<BreakerReply>) {
        match change {
            BreakerChange::Nothing => {}
            BreakerChange::Answer(ticket, reply) => effects.reply(ticket, reply),
            BreakerChange::Pass(ticket) => {
                effects.reply(ticket, BreakerReply::Admitted { epoch: self.epoch, probe: false });
            }
            BreakerChange::Ramp(ticket, lease) => {
                if let State::Closed { ramp: Some(ramp), .. } = &mut self.state {
                    ramp.in_flight.retain(|_, end| *end > moment.now);
                    ramp.in_flight.insert(ticket, lease);
                }
                effects.reply(ticket, BreakerReply::Admitted { epoch: self.epoch, probe: false });
            }
            BreakerChange::Probe(ticket, lease) => {
                if matches!(self.state, State::Open { .. }) {
                    let half_open = State::HalfOpen { successes: 0, probes: BTreeMap::new() };
                    self.enter(half_open, "the open time is over".to_owned(), effects);
                }
                if let State::HalfOpen { probes, .. } = &mut self.state {
                    probes.retain(|_, end| *end > moment.now);
                    probes.insert(ticket, lease);
                }
                effects.reply(ticket, BreakerReply::Admitted { epoch: self.epoch, probe: true });
            }
            BreakerChange::Record { ticket, health, slow } => {
                self.record(moment, ticket, health, slow, effects);
            }
            BreakerChange::Count(successes) => self.count(moment, successes, effects),
            BreakerChange::Evaluate => self.evaluate(moment, effects),
            BreakerChange::Force(order) => {
                self.openings = 0;
                let state = match order {
                    Force::Open => State::ForcedOpen,
                    Force::Closed => State::ForcedClosed,
                    Force::Reset => State::Closed { window: Window::new(self.config.window), ramp: None },
                };
                let Counts { total, failures, slow } = self.status(moment.now).counts;
                let stood = format!("{failures} failures and {slow} slow in {total} calls");
                self.enter(state, format!("ordered by an operator at {stood}"), effects);
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        match &self.state {
            State::Closed { window, .. } if self.hinges_on_time(window.counts()) => window.next_edge(),
            _ => None,
        }
    }

    fn expire(&self, _moment: Moment) -> BreakerChange {
        BreakerChange::Evaluate
    }

    fn status(&self, _now: Time) -> BreakerStatus {
        let (counts, until) = match &self.state {
            State::Closed { window, .. } => (window.counts(), None),
            State::Open { until } => (Counts::default(), Some(*until)),
            _ => (Counts::default(), None),
        };
        BreakerStatus { state: self.name(), epoch: self.epoch, counts, until }
    }

    fn describe(status: &BreakerStatus) -> String {
        let Counts { total, failures, slow } = status.counts;
        match status.state {
            BreakerState::Closed => format!("closed: {failures} failures and {slow} slow in {total} calls"),
            other => other.as_str().to_owned(),
        }
    }

    fn reconfigure(&mut self, moment: Moment, config: BreakerConfig, effects: &mut Effects<BreakerReply>) {
        self.adopt(moment, Arc::new(config), effects);
    }

    fn snapshot(&self, moment: Moment) -> Vec<u8> {
        let saved = Saved {
            forced: match self.state {
                State::ForcedOpen => Some(true),
                State::ForcedClosed => Some(false),
                _ => None,
            },
            open: match &self.state {
                State::Open { until } => Some((moment.now.until(*until), moment.wall)),
                // Its probes are gone with the process: the next call is a probe again.
                State::HalfOpen { .. } => Some((Duration::ZERO, moment.wall)),
                _ => None,
            },
            openings: self.openings,
        };
        snapshot::encode(&saved).unwrap_or_default()
    }

    fn restore(&mut self, moment: Moment, bytes: &[u8]) -> Result<(), SnapshotError> {
        let saved: Saved = snapshot::decode(bytes)?;
        self.openings = saved.openings;
        if let Some(open) = saved.forced {
            self.state = if open { State::ForcedOpen } else { State::ForcedClosed };
        } else if let Some((rest, written)) = saved.open {
            let rest = rest.saturating_sub(written.until(moment.wall)).min(self.open_time());
            self.state = State::Open { until: moment.now.after(rest) };
        }
        self.epoch += 1;
        Ok(())
    }
}
