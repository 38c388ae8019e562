use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{LimiterConfig, LimiterInput, LimiterMachine, LimiterReply};
use crate::clock::{Moment, Time};
use crate::host::Hosted;
use crate::machine::{Effects, Machine as _, Ticket};

/// What decides while the actor cannot: a limiter of the same quota in the handle itself.
///
/// It starts whole, since nobody can say what is left, and is kept until its own quota is whole again: an actor that
/// comes and goes buys no more than one extra quota in any window.
#[derive(Debug)]
pub(super) struct Outage {
    config: LimiterConfig,
    /// Whether there is a local limiter; calls in health look at nothing else.
    on: AtomicBool,
    local: Mutex<Option<Local>>,
}

#[derive(Debug)]
struct Local {
    machine: LimiterMachine,
    last_used: Time,
}

impl Outage {
    pub(super) fn new(config: LimiterConfig) -> Self {
        Outage { config, on: AtomicBool::new(false), local: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Local>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides in place of the actor; nobody waits.
    pub(super) fn decide(
        &self,
        hosted: &Hosted<LimiterMachine>,
        ticket: Ticket,
        (key, cost, hold): (&str, u64, bool),
    ) -> LimiterReply {
        let mut local = self.lock();
        let moment = moment(hosted);
        let local = local.get_or_insert_with(|| {
            self.on.store(true, Ordering::Release);
            let machine = LimiterMachine::new(self.config.clone(), moment);
            Local { machine, last_used: moment.now }
        });
        local.last_used = moment.now;
        let input = LimiterInput::Check { key: key.to_owned(), cost, hold, patience: Duration::ZERO };
        let answer = local.step(moment, Some(ticket), &input);
        answer.unwrap_or(LimiterReply::Refused { decision: self.config.untouched(), retry_after: None })
    }

    /// What was held for `ticket` is spent, or as if it had never been taken.
    pub(super) fn end(&self, hosted: &Hosted<LimiterMachine>, input: &LimiterInput) {
        if let Some(local) = &mut *self.lock() {
            local.step(moment(hosted), None, input);
        }
    }

    /// The actor has decided again.
    pub(super) fn over(&self, hosted: &Hosted<LimiterMachine>) {
        if !self.on.load(Ordering::Acquire) {
            return;
        }
        let mut local = self.lock();
        // Twice, because a window that is counted by parts may end one part later.
        let whole_after = self.config.quota.window().saturating_mul(2);
        if local.as_ref().is_some_and(|local| hosted.now().since(local.last_used) >= whole_after) {
            *local = None;
            self.on.store(false, Ordering::Release);
        }
    }
}

impl Local {
    fn step(&mut self, moment: Moment, ticket: Option<Ticket>, input: &LimiterInput) -> Option<LimiterReply> {
        let change = self.machine.decide(moment, ticket, input);
        let mut effects = Effects::default();
        self.machine.apply(moment, change, &mut effects);
        effects.take_replies().pop().map(|answer| answer.reply)
    }
}

/// Read under the lock: another caller's time may not lie ahead of the own one.
fn moment(hosted: &Hosted<LimiterMachine>) -> Moment {
    Moment { now: hosted.now(), wall: hosted.wall(), random: 0 }
}
