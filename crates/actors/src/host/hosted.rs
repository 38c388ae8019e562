use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use kameo::actor::ActorRef;
use tokio::sync::OnceCell;
use tokio::task::unconstrained;

use super::actor::{Envelope, Host};
use super::aside::later;
use super::asks::Waiting;
use super::drill::Drill;
use super::ground::Ground;
use super::reply::AskError;
use super::slot::{Asker, Spare};
use super::troubles::Troubles;
use crate::clock::{Clock, Entropy, Moment, Time, WallTime};
use crate::event::{Event, Happening};
use crate::gate::{Cause, Gate, Noted};
use crate::machine::{Effects, Kind, Machine, Ticket};
use crate::rejection::Words;
use crate::snapshot::SnapshotError;

/// What outlives the incarnations of an actor.
pub(super) struct Cell<M: Machine> {
    pub(super) machine: M,
    pub(super) waiting: Waiting<M>,
    /// Where further numbers come from, once one was used: few machines ever use one.
    entropy: Option<Box<Entropy>>,
    /// The next number that the machine uses, where it may ever use one.
    random: Option<u64>,
    /// What came of its crashes; most actors never have one.
    pub(super) troubles: Option<Box<Troubles>>,
    pub(super) latest: Time,
    pub(super) status: M::Status,
}

impl<M: Machine> Cell<M> {
    fn random(&self) -> u64 {
        self.random.unwrap_or(0)
    }
}

/// A time that its actor looks at for each message, without a lock; [`Time::MAX`] where there is none.
pub(super) struct Next(AtomicU64);

impl Next {
    fn new(time: Option<Time>) -> Self {
        Next(AtomicU64::new(time.unwrap_or(Time::MAX).as_nanos()))
    }

    pub(super) fn get(&self) -> Option<Time> {
        Some(Time::from_nanos(self.0.load(Ordering::Acquire))).filter(|time| *time < Time::MAX)
    }

    /// Under the lock of the cell.
    pub(super) fn set(&self, time: Option<Time>) {
        self.0.store(time.unwrap_or(Time::MAX).as_nanos(), Ordering::Release);
    }
}

/// One machine with all that its callers and its actor share. In this order, so that what callers only read lies apart from
/// what is written with each question.
#[repr(C)]
pub struct Hosted<M: Machine> {
    pub(super) gate: M::Gate,
    pub(super) ground: Arc<Ground>,
    pub(super) name: Words,
    /// What its callers hear its answers in.
    pub(super) spare: Arc<Spare<M>>,
    pub(super) failed_until: AtomicU64,
    /// When the last quarantine ends: nobody takes the lock where none is on.
    pub(super) quarantined_until: AtomicU64,
    pub(super) actor: OnceCell<ActorRef<Host<M>>>,
    pub(super) drill: OnceLock<Box<Drill>>,
    /// When it goes on after a crash.
    pub(super) resume_at: Next,
    pub(super) kind: Kind,
    /// Whether the gate stays empty: the actor cannot decide.
    pub(super) withdrawn: AtomicBool,
    /// Whether it was stopped before anybody asked it: its actor is never started then.
    stopped: AtomicBool,
    pub(super) poked: AtomicBool,
    /// What was taken out of the ledger and is still to be carried out; counted under the lock of the ledger, and down
    /// under that of the cell.
    pub(super) behind: AtomicU32,
    pub(super) ledger: Mutex<Vec<Noted<M::Input>>>,
    tickets: AtomicU64,
    pub(super) messages: AtomicU64,
    /// When its machine wants to be asked again, as of its last step.
    pub(super) deadline: Next,
    /// What of the ledger is being carried out. Held meanwhile, so that nobody finds it empty and its effects still to
    /// come.
    pub(super) draining: Mutex<Vec<Noted<M::Input>>>,
    pub(super) cell: Mutex<Cell<M>>,
}

impl<M: Machine> std::fmt::Debug for Hosted<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosted").field("kind", &self.kind).field("name", &self.name()).finish_non_exhaustive()
    }
}

/// A panic never happens while these locks are held with a half-done change: machines are panic-atomic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream of random numbers of one machine.
fn entropy(ground: &Ground, kind: Kind, name: &str) -> Entropy {
    Entropy::of(ground.seed, &[kind.as_str(), "/", name])
}

impl<M: Machine> Hosted<M> {
    /// A machine ready to be asked; its actor is started by the first ask.
    #[must_use]
    pub fn new(ground: Arc<Ground>, kind: Kind, name: &str, config: M::Config) -> Arc<Self> {
        let clock = &ground.clock;
        let random = M::draws(&config).then(|| entropy(&ground, kind, name).next_u64());
        let moment = Moment { now: clock.now(), wall: clock.wall(), random: random.unwrap_or(0) };
        let gate = M::Gate::new(&config, ground.options.grants);
        let mut machine = M::new(config, moment);
        gate.publish(&mut machine, moment.now);
        gate.settled(&machine);
        let status = machine.status(moment.now);
        let deadline = Next::new(machine.deadline());
        Arc::new(Hosted {
            kind,
            name: Words::kept(name),
            cell: Mutex::new(Cell {
                machine,
                waiting: Waiting::default(),
                entropy: None,
                random,
                troubles: None,
                latest: moment.now,
                status,
            }),
            gate,
            withdrawn: AtomicBool::new(false),
            ledger: Mutex::new(Vec::new()),
            draining: Mutex::new(Vec::new()),
            behind: AtomicU32::new(0),
            poked: AtomicBool::new(false),
            tickets: AtomicU64::new(1),
            messages: AtomicU64::new(0),
            failed_until: AtomicU64::new(0),
            quarantined_until: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            resume_at: Next::new(None),
            deadline,
            drill: OnceLock::new(),
            actor: OnceCell::new(),
            spare: ground.shared(),
            ground,
        })
    }

    /// Its name.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'static str {
        self.name.as_str()
    }

    /// Its name, as refusals take it without copying it.
    #[must_use]
    #[inline]
    pub fn name_kept(&self) -> Words {
        self.name
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
    #[inline]
    pub fn now(&self) -> Time {
        self.ground.clock.now()
    }

    /// A time of its clock as tokio's timers take it.
    pub(super) fn instant(&self, time: Time) -> tokio::time::Instant {
        self.ground.clock.instant(time)
    }

    /// Its clock's wall time.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        self.ground.clock.wall()
    }

    /// How it is hosted.
    #[must_use]
    pub fn options(&self) -> super::HostOptions {
        self.ground.options
    }

    /// The ground that it stands on.
    pub(crate) fn ground(&self) -> &Arc<Ground> {
        &self.ground
    }

    /// Its clock.
    #[must_use]
    #[inline]
    pub fn clock(&self) -> &Arc<Clock> {
        &self.ground.clock
    }

    /// What it published last.
    #[must_use]
    pub fn status(&self) -> M::Status {
        lock(&self.cell).status.clone()
    }

    /// What it has granted in advance.
    #[must_use]
    #[inline]
    pub fn gate(&self) -> &M::Gate {
        &self.gate
    }

    /// Restarts since the runtime began.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        lock(&self.cell).restarts()
    }

    /// A number for a new request.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// The actor, started by whoever needs it first; `None` where its tokio runtime is gone.
    pub(super) async fn actor(self: &Arc<Self>) -> Option<&ActorRef<Host<M>>> {
        match self.actor.get() {
            Some(actor) => Some(actor),
            // Aside: it is started once, and each question would hold the room for that.
            None => later(|| self.start()).await,
        }
    }

    pub(super) async fn start(self: &Arc<Self>) -> Option<&ActorRef<Host<M>>> {
        let start = || async {
            if self.stopped.load(Ordering::Acquire) {
                return Err(AskError::Gone);
            }
            // It waits for the supervisor at most, before anything is done, and is not to stop anywhere behind that:
            // dropped there, it would leave one behind that nobody knows.
            let mut start = pin!(unconstrained(Host::start(&self.ground.supervisor, Arc::clone(self))));
            let started = poll_fn(|context| {
                // It must live on the runtime's own tokio runtime, whichever one the first caller happens to be on.
                let _entered = self.ground.tokio.enter();
                start.as_mut().poll(context)
            });
            Ok(started.await)
        };
        self.actor.get_or_try_init(start).await.ok()
    }

    /// How many messages its actor has taken since the runtime began: what its callers' asks and outcomes came to.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Takes new settings while it runs.
    pub fn reconfigure(&self, config: M::Config) {
        if self.collect() {
            self.settle();
        }
        let mut effects = Effects::default();
        let mut cell = lock(&self.cell);
        if cell.random.is_none() && M::draws(&config) {
            cell.random = Some(entropy(&self.ground, self.kind, self.name()).next_u64());
        }
        let moment = self.moment(&mut cell, Time::MAX);
        self.recall(&mut cell.machine, Cause::All, moment.now);
        cell.machine.reconfigure(moment, config, &mut effects);
        self.publish(cell, moment.now, effects);
    }

    /// Its state for the disk, with all that was noted so far: also what its actor will never come to, because it was
    /// stopped.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.settle();
        let later = {
            let mut cell = lock(&self.cell);
            let moment = self.moment(&mut cell, Time::MAX);
            self.recall(&mut cell.machine, Cause::All, moment.now);
            let later = cell.machine.snapshot_later(moment);
            self.grant(&mut cell, moment.now);
            later
        };
        later()
    }

    /// Takes over what an earlier process wrote.
    ///
    /// # Errors
    /// Where the bytes cannot be read; the state is then as it was.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut cell = lock(&self.cell);
        let moment = self.moment(&mut cell, Time::MAX);
        self.recall(&mut cell.machine, Cause::All, moment.now);
        let restored = cell.machine.restore(moment, bytes);
        self.publish(cell, moment.now, Effects::default());
        restored
    }

    /// Stops the actor for good, and waits for it at most `ask_timeout`: one that is left alone reads no order.
    pub async fn stop(self: &Arc<Self>) {
        let Some(actor) = self.actor.get() else {
            self.stopped.store(true, Ordering::Release);
            return self.stopped();
        };
        let stopped = async {
            let _ = actor.tell(Envelope::Stop).await;
            actor.wait_for_shutdown().await;
        };
        let _ = tokio::time::timeout(self.ground.options.ask_timeout, stopped).await;
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline.get()
    }

    /// It stops for good: nobody is left waiting.
    pub(super) fn stopped(&self) {
        let mut cell = lock(&self.cell);
        self.withdraw();
        cell.waiting.dismiss(AskError::Gone);
    }

    /// Lets the machine act on the passing of its deadline; never panics.
    pub(super) fn expired(&self) {
        if self.collect() {
            self.settle();
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut effects = Effects::default();
            let mut cell = lock(&self.cell);
            let moment = self.moment(&mut cell, Time::MAX);
            self.recall(&mut cell.machine, Cause::Deadline, moment.now);
            cell.machine.catch_up(moment, &mut effects);
            self.publish(cell, moment.now, effects);
        }));
        if result.is_err() {
            self.crashed("it panicked when its deadline passed".to_owned());
        }
    }

    /// The moment of what happened at the latest at `until`; never before anything that the machine knows.
    fn moment(&self, cell: &mut Cell<M>, until: Time) -> Moment {
        let now = self.no_later_than(cell, until);
        Moment { now, wall: self.ground.clock.wall(), random: cell.random() }
    }

    /// One step of the machine on what somebody noted, or on the request of `asker`.
    pub(super) fn step(
        &self,
        asker: Option<(Ticket, Asker<M>)>,
        input: &M::Input,
        until: Time,
    ) -> std::thread::Result<()> {
        let ticket = asker.as_ref().map(|(ticket, _)| *ticket);
        let mut cell = lock(&self.cell);
        cell.waiting.begin(asker);
        let now = self.no_later_than(&mut cell, until);
        let moment = Moment { now, wall: self.ground.clock.wall_lately(), random: cell.random() };
        let mut effects = Effects::default();
        self.recall(&mut cell.machine, Cause::Input(input), moment.now);
        let result = catch_unwind(AssertUnwindSafe(|| {
            if let Some(drill) = self.drill.get() {
                drill.strike(|| M::key(input));
            }
            self.carry(&mut cell.machine, moment, ticket, input, &mut effects);
        }));
        if ticket.is_none() {
            self.behind.fetch_sub(1, Ordering::Release);
        }
        if result.is_err()
            && let Some(key) = M::key(input)
        {
            self.poisoned_by(&mut cell, &key, moment.now);
        }
        self.publish(cell, moment.now, effects);
        result
    }

    fn publish(&self, mut cell: MutexGuard<'_, Cell<M>>, now: Time, mut effects: Effects<M::Reply>) {
        if effects.take_drew() {
            let entropy = cell.entropy.get_or_insert_with(|| {
                let mut entropy = entropy(&self.ground, self.kind, self.name());
                entropy.next_u64();
                Box::new(entropy)
            });
            cell.random = Some(entropy.next_u64());
        }
        cell.status = cell.machine.status(now);
        self.grant(&mut cell, now);
        effects.drain_replies(|answer| cell.waiting.answer(answer, now));
        cell.waiting.hold();
        drop(cell);
        for happening in effects.take_happenings() {
            self.happened(happening);
        }
    }

    pub(crate) fn happened(&self, what: Happening) {
        if !self.ground.events.is_recording() {
            return;
        }
        let event =
            Event { at: self.ground.clock.now(), kind: Some(self.kind), name: self.name().into(), what };
        self.ground.events.record(event);
    }
}
