use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kameo::actor::ActorRef;
use kameo::error::SendError;
use tokio::sync::{OnceCell, oneshot};

use super::actor::{Envelope, Host};
use super::ground::Ground;
use crate::clock::{Entropy, Moment, Time};
use crate::event::{Event, Happening};
use crate::machine::{Effects, Kind, Machine, Ticket};
use crate::snapshot::SnapshotError;
use crate::supervise::{Intensity, Quarantine, Verdict};

fn refused<T>(error: SendError<T>) -> AskError {
    match error {
        SendError::MailboxFull(_) => AskError::MailboxFull,
        _ => AskError::Gone,
    }
}

/// An answer, and where the next one comes from if the caller was queued.
#[derive(Debug)]
pub struct Reply<R> {
    /// The answer.
    pub reply: R,
    /// The second answer of a caller that was queued.
    pub more: Option<oneshot::Receiver<Reply<R>>>,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The mailbox has no room.
    #[error("the mailbox is full")]
    MailboxFull,
    /// It did not answer in time.
    #[error("no answer within the time to ask")]
    NoAnswer,
    /// It crashed on this request, or on an earlier one with the same key, which is quarantined since.
    #[error("the actor crashed on this request")]
    Crashed,
    /// It crashed too often.
    #[error("the actor crashed too often")]
    Failed(Duration),
    /// It was stopped, or the tokio runtime that it lives on has ended.
    #[error("the actor's runtime has ended")]
    Gone,
}

/// What outlives the incarnations of an actor.
struct Cell<M: Machine> {
    machine: M,
    waiting: BTreeMap<Ticket, oneshot::Sender<Reply<M::Reply>>>,
    entropy: Entropy,
    intensity: Intensity,
    quarantine: Quarantine,
    latest: Time,
    resume_at: Option<Time>,
    status: M::Status,
}

/// One machine with all that its callers and its actor share.
pub struct Hosted<M: Machine> {
    kind: Kind,
    name: String,
    ground: Arc<Ground>,
    cell: Mutex<Cell<M>>,
    ledger: Mutex<Vec<M::Input>>,
    poked: AtomicBool,
    tickets: AtomicU64,
    failed_until: AtomicU64,
    actor: OnceCell<ActorRef<Host<M>>>,
}

impl<M: Machine> std::fmt::Debug for Hosted<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosted").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A panic never happens while these locks are held with a half-done change: machines are panic-atomic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Machine> Hosted<M> {
    /// A machine ready to be asked; its actor is started by the first ask.
    #[must_use]
    pub fn new(ground: Arc<Ground>, kind: Kind, name: &str, config: M::Config) -> Arc<Self> {
        let mut entropy = Entropy::new(ground.seed, &format!("{kind}/{name}"));
        let clock = &ground.clock;
        let moment = Moment { now: clock.now(), wall: clock.wall(), random: entropy.next_u64() };
        let machine = M::new(config, moment);
        let status = machine.status(moment.now);
        Arc::new(Hosted {
            kind,
            name: name.to_owned(),
            cell: Mutex::new(Cell {
                machine,
                waiting: BTreeMap::new(),
                entropy,
                intensity: Intensity::new(ground.options.restarts),
                quarantine: Quarantine::default(),
                latest: moment.now,
                resume_at: None,
                status,
            }),
            ledger: Mutex::new(Vec::new()),
            poked: AtomicBool::new(false),
            tickets: AtomicU64::new(1),
            failed_until: AtomicU64::new(0),
            actor: OnceCell::new(),
            ground,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it crashed too often and is being left alone.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed_until.load(Ordering::Acquire) > self.now().as_nanos()
    }

    /// Its clock's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.ground.clock.now()
    }

    /// How it is hosted.
    #[must_use]
    pub fn options(&self) -> super::HostOptions {
        self.ground.options
    }

    /// What it published last.
    #[must_use]
    pub fn status(&self) -> M::Status {
        lock(&self.cell).status.clone()
    }

    /// Restarts since the runtime began.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        lock(&self.cell).intensity.restarts()
    }

    /// A number for a new request.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// The actor, started by whoever needs it first; `None` where its tokio runtime is gone.
    async fn actor(self: &Arc<Self>) -> Option<&ActorRef<Host<M>>> {
        let start = || async {
            let hosted = Arc::clone(self);
            // It must live on the runtime's own tokio runtime, whichever one the first caller happens to be on.
            let started = self
                .ground
                .tokio
                .spawn(async move { Host::start(&hosted.ground.supervisor, Arc::clone(&hosted)).await });
            started.await.map_err(|_| AskError::Gone)
        };
        self.actor.get_or_try_init(start).await.ok()
    }

    /// Messages in its mailbox.
    #[must_use]
    pub fn mailbox_depth(&self) -> usize {
        let Some(actor) = self.actor.get() else { return 0 };
        let room = actor.mailbox_sender().capacity().unwrap_or(0);
        self.ground.options.mailbox.saturating_sub(room)
    }

    /// Takes new settings while it runs.
    pub fn reconfigure(&self, config: M::Config) {
        let mut effects = Effects::default();
        let mut cell = lock(&self.cell);
        let moment = self.moment(&mut cell);
        cell.machine.reconfigure(moment, config, &mut effects);
        self.publish(cell, moment.now, effects);
    }

    /// Its state for the disk.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut cell = lock(&self.cell);
        let moment = self.moment(&mut cell);
        cell.machine.snapshot(moment)
    }

    /// Takes over what an earlier process wrote.
    ///
    /// # Errors
    /// Where the bytes cannot be read; the state is then as it was.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut cell = lock(&self.cell);
        let moment = self.moment(&mut cell);
        cell.machine.restore(moment, bytes)?;
        self.publish(cell, moment.now, Effects::default());
        Ok(())
    }

    /// Asks the actor and waits at most `ask_timeout` for its first answer.
    ///
    /// # Errors
    /// Where the actor could not decide; the caller's policy says what then.
    ///
    /// # Cancel safety
    /// A dropped ask may still be carried out: whoever drops it notes that its ticket is no longer needed.
    pub async fn ask(self: &Arc<Self>, ticket: Ticket, input: M::Input) -> Result<Reply<M::Reply>, AskError> {
        let failed_until = Time::from_nanos(self.failed_until.load(Ordering::Acquire));
        if failed_until > Time::ZERO {
            let rest = self.ground.clock.now().until(failed_until);
            if !rest.is_zero() {
                return Err(AskError::Failed(rest));
            }
        }
        let (reply, answer) = oneshot::channel();
        let asked = async {
            let envelope = Envelope::Ask { ticket, input, reply };
            let actor = self.actor().await.ok_or(AskError::Gone)?;
            actor.tell(envelope).try_send().map_err(refused)?;
            answer.await.map_err(|_| AskError::Crashed)
        };
        match tokio::time::timeout(self.ground.options.ask_timeout, asked).await {
            Ok(Err(AskError::Crashed)) => Err(self.why_unanswered()),
            Ok(result) => result,
            Err(_) => Err(AskError::NoAnswer),
        }
    }

    fn why_unanswered(&self) -> AskError {
        let failed_until = Time::from_nanos(self.failed_until.load(Ordering::Acquire));
        match self.ground.clock.now().until(failed_until) {
            Duration::ZERO => AskError::Crashed,
            rest => AskError::Failed(rest),
        }
    }

    /// Writes down what must not be lost, then pokes the actor. Never waits and never fails.
    pub fn note(&self, input: M::Input) {
        lock(&self.ledger).push(input);
        if !self.poked.swap(true, Ordering::AcqRel)
            && let Some(actor) = self.actor.get()
        {
            // A full mailbox needs no poke: each message in it drains the ledger first.
            let _ = actor.tell(Envelope::Poke(None)).try_send();
        }
    }

    /// Writes down what must not be lost and waits, at most 1 ms, until the actor has published its effect.
    ///
    /// # Cancel safety
    /// What was noted stays noted.
    pub async fn report(self: &Arc<Self>, input: M::Input) {
        lock(&self.ledger).push(input);
        let Some(actor) = self.actor().await else { return };
        let (done, published) = oneshot::channel();
        if actor.tell(Envelope::Poke(Some(done))).try_send().is_ok() {
            let _ = tokio::time::timeout(Duration::from_millis(1), published).await;
        }
    }

    /// Lets the actor panic, as a poisoned message would.
    ///
    /// # Errors
    /// Where its mailbox has no room for the order.
    pub async fn crash(self: &Arc<Self>) -> Result<(), AskError> {
        let actor = self.actor().await.ok_or(AskError::Gone)?;
        actor.tell(Envelope::Crash).try_send().map_err(refused)
    }

    /// Stops the actor for good.
    pub async fn stop(self: &Arc<Self>) {
        if let Some(actor) = self.actor.get() {
            let _ = actor.tell(Envelope::Stop).await;
        }
    }

    pub(super) fn deadline(&self) -> Option<tokio::time::Instant> {
        lock(&self.cell).machine.deadline().map(|deadline| self.ground.clock.instant(deadline))
    }

    pub(super) fn resume_at(&self) -> Option<tokio::time::Instant> {
        lock(&self.cell).resume_at.map(|resume| self.ground.clock.instant(resume))
    }

    pub(super) fn resumed(&self) {
        let restarts = {
            let mut cell = lock(&self.cell);
            cell.resume_at = None;
            cell.intensity.restarts()
        };
        self.failed_until.store(0, Ordering::Release);
        self.happened(Happening::Restart { restarts });
    }

    pub(super) fn crashed(&self, reason: String) {
        self.happened(Happening::Crash { reason, quarantined: None });
        let now = self.ground.clock.now();
        let mut cell = lock(&self.cell);
        match cell.intensity.crashed(now) {
            Verdict::Restart(when) => cell.resume_at = Some(when),
            Verdict::Fail(until) => {
                cell.resume_at = Some(until);
                // Whoever waits is answered now: a closed channel is an answer.
                cell.waiting.clear();
                drop(cell);
                self.failed_until.store(until.as_nanos(), Ordering::Release);
                self.happened(Happening::Escalation { retry_at: until });
            }
        }
    }

    /// Takes all that was noted, in the order in which it was noted.
    pub(super) fn drain(&self) {
        self.poked.store(false, Ordering::Release);
        let mut noted = std::mem::take(&mut *lock(&self.ledger)).into_iter();
        while let Some(input) = noted.next() {
            if let Err(panic) = self.step(None, &input) {
                // The one that panicked is lost; those behind it are not.
                let mut ledger = lock(&self.ledger);
                let newer = std::mem::take(&mut *ledger);
                ledger.extend(noted.chain(newer));
                drop(ledger);
                resume_unwind(panic);
            }
        }
    }

    pub(super) fn answer(&self, ticket: Ticket, input: &M::Input, reply: oneshot::Sender<Reply<M::Reply>>) {
        if reply.is_closed() {
            return;
        }
        {
            let mut cell = lock(&self.cell);
            let now = self.ground.clock.now();
            if M::key(input).is_some_and(|key| cell.quarantine.rest(key, now).is_some()) {
                // Dropping the reply is the refusal: poison must not buy a bypass.
                return;
            }
            cell.waiting.insert(ticket, reply);
        }
        if let Err(panic) = self.step(Some(ticket), input) {
            lock(&self.cell).waiting.remove(&ticket);
            resume_unwind(panic);
        }
    }

    /// Lets the machine act on the passing of its deadline; never panics.
    pub(super) fn expired(&self) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut effects = Effects::default();
            let mut cell = lock(&self.cell);
            let moment = self.moment(&mut cell);
            Self::expire(&mut cell.machine, moment, &mut effects);
            self.publish(cell, moment.now, effects);
        }));
        if result.is_err() {
            self.crashed("it panicked when its deadline passed".to_owned());
        }
    }

    fn expire(machine: &mut M, moment: Moment, effects: &mut Effects<M::Reply>) {
        while machine.deadline().is_some_and(|deadline| deadline <= moment.now) {
            let change = machine.expire(moment);
            machine.apply(moment, change, effects);
        }
    }

    fn moment(&self, cell: &mut Cell<M>) -> Moment {
        cell.latest = cell.latest.max(self.ground.clock.now());
        Moment { now: cell.latest, wall: self.ground.clock.wall(), random: cell.entropy.next_u64() }
    }

    fn step(&self, ticket: Option<Ticket>, input: &M::Input) -> std::thread::Result<()> {
        let mut cell = lock(&self.cell);
        let moment = self.moment(&mut cell);
        let mut effects = Effects::default();
        let result = catch_unwind(AssertUnwindSafe(|| {
            Self::expire(&mut cell.machine, moment, &mut effects);
            let change = cell.machine.decide(moment, ticket, input);
            cell.machine.apply(moment, change, &mut effects);
        }));
        if result.is_err()
            && let Some(key) = M::key(input)
        {
            cell.quarantine.add(key, moment.now);
        }
        self.publish(cell, moment.now, effects);
        result
    }

    fn publish(&self, mut cell: MutexGuard<'_, Cell<M>>, now: Time, mut effects: Effects<M::Reply>) {
        cell.status = cell.machine.status(now);
        for answer in effects.take_replies() {
            let Some(waiting) = cell.waiting.remove(&answer.ticket) else { continue };
            let more = answer.more.then(|| {
                let (next, more) = oneshot::channel();
                cell.waiting.insert(answer.ticket, next);
                more
            });
            let _ = waiting.send(Reply { reply: answer.reply, more });
        }
        drop(cell);
        for happening in effects.take_happenings() {
            self.happened(happening);
        }
    }

    fn happened(&self, what: Happening) {
        if !self.ground.events.is_recording() {
            return;
        }
        let event =
            Event { at: self.ground.clock.now(), kind: Some(self.kind), name: self.name.clone(), what };
        self.ground.events.record(event);
    }
}
