use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::{ErrorKind, Runtime};
use steadfast_actors::clock::Clock;
use steadfast_actors::machine::Kind;

use super::handler::Handler;
use super::log::Recorder;
use super::measures::Ended;
use super::process::Process;
use super::running::Pool;
use crate::world::{About, ActorFault, ActorFaultKind, Job, MessageId, Reply, Request, Route, World};

/// Everything that the tasks of one run share: the world, the runtime under test, and the handlers.
pub(crate) struct House {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) runtime: Runtime,
    pub(crate) clock: Arc<Clock>,
    pub(crate) recorder: Recorder,
    pub(crate) handlers: Vec<Handler>,
    /// How the requests of each load reach their handler, where a link lies between.
    pub(crate) entries: Vec<Option<Route>>,
    pub(crate) pools: Vec<Pool>,
    /// Calls of handlers so far.
    pub(crate) calls: Arc<AtomicU64>,
    /// Requests from outside whose tasks are alive.
    pub(crate) unsettled: Arc<AtomicU64>,
    /// The process that all this is, where the scenario restarts it.
    pub(crate) process: Option<Process>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("handlers", &self.handlers.len()).finish_non_exhaustive()
    }
}

impl House {
    /// The world as it is, at whatever time somebody last looked into it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the world at the present time, then carries out what the world wants done.
    pub(crate) fn with<R>(self: &Arc<Self>, look: impl FnOnce(&mut World) -> R) -> R {
        self.at(self.clock.now().as_nanos(), look)
    }

    /// The same for whoever has just read the clock.
    pub(crate) fn at<R>(self: &Arc<Self>, now: u64, look: impl FnOnce(&mut World) -> R) -> R {
        let (result, jobs) = {
            let mut world = self.world();
            world.now = now;
            let result = look(&mut world);
            if world.jobs.is_empty() {
                return result;
            }
            world.woke = true;
            (result, std::mem::take(&mut world.jobs))
        };
        for job in jobs {
            self.carry_out(job);
        }
        result
    }

    fn carry_out(self: &Arc<Self>, job: Job) {
        // Whoever asks for it may be a task of a process that is dead by now.
        let house = self.alive();
        match job {
            Job::Request(request) => {
                let Some(process) = &house.process else {
                    tokio::spawn(house.request(request));
                    return;
                };
                let task = tokio::spawn(Arc::clone(&house).asked(request));
                // Who asks over a link is no part of the process.
                if house.entries[request.load].is_none() {
                    process.owns(task.abort_handle());
                }
            }
            Job::Serve { handler, message, about } => {
                let serving = Arc::clone(&house);
                let task = tokio::spawn(async move {
                    let mut connection = Connection { house: Arc::clone(&serving), message, answered: false };
                    let reply = serving.serve(handler, about).await;
                    connection.answered = true;
                    serving.with(|world| world.reply(message, reply));
                });
                if let Some(process) = &house.process {
                    process.owns(task.abort_handle());
                }
            }
            Job::Restart(damage) => house.restart(damage),
            Job::FillDisk(full) => {
                if let Some(process) = &house.process {
                    process.disk.fill(full);
                }
            }
            Job::Actor(fault) => drop(tokio::spawn(house.strike(fault))),
            Job::ShiftWall(by) => {
                self.clock.shift_wall(Duration::from_nanos(by.unsigned_abs()), by < 0);
            }
        }
    }

    /// Looks at all pools of permits of the process that is alive.
    pub(crate) fn look_at_pools(self: &Arc<Self>, now: u64) {
        let house = self.alive();
        let mut record = house.recorder.record();
        house.pools.iter().for_each(|pool| pool.look(now, &mut record.measures));
    }

    /// Whether another process has taken over.
    fn is_dead(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.next().is_some())
    }

    /// One request from outside, in the runtime of the process that is alive.
    async fn asked(self: Arc<Self>, request: Request) {
        match &self.process {
            // The first process was entered for good.
            Some(process) if !process.is_first() => {
                let runtime = self.runtime.clone();
                runtime.scope(self.request(request)).await;
            }
            _ => self.request(request).await,
        }
    }

    /// One request from outside, from its arrival to its outcome.
    async fn request(self: Arc<Self>, request: Request) {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        let mut unsettled = Unsettled { house: Arc::clone(&self), request, settled: false };
        let served = match self.entries[request.load] {
            None => self.call(request.handler, request.about).await.map_err(|failure| failure.ended()),
            Some(route) => self.send(route, request.about).await.map_err(|kind| Ended::Failed(kind.as_str())),
        };
        unsettled.settle(match served {
            Ok(served) if served.degraded => Ended::Degraded,
            Ok(_) => Ended::Success,
            Err(ended) => ended,
        });
    }

    /// A request that came over a link, with the deadline that it carries.
    async fn serve(self: &Arc<Self>, handler: usize, about: About) -> Reply {
        let now = self.clock.now().as_nanos();
        let left =
            (about.deadline != u64::MAX).then(|| Duration::from_nanos(about.deadline.saturating_sub(now)));
        let called = self.runtime.serving(left, self.call(handler, about)).await;
        called.map_err(|failure| failure.error_kind())
    }

    pub(crate) async fn strike(self: Arc<Self>, fault: ActorFault) {
        let Some(kind) = Kind::named(&fault.kind) else { return };
        if let ActorFaultKind::Poison(key) = fault.what {
            // Scenarios call their callers by number; limiters by user know them so.
            let key = key.map(|key| format!("user={key}"));
            self.runtime.registry().poison(kind, &fault.name, key.as_deref());
            return;
        }
        let hangs = match fault.what {
            ActorFaultKind::Hang(lasts) => Some((lasts, false)),
            ActorFaultKind::MailboxFull(lasts) => Some((lasts, true)),
            _ => None,
        };
        if let Some((lasts, full)) = hangs {
            let until = self.clock.now().after(Duration::from_nanos(lasts));
            // It fails only where the run is over.
            let _ = self.runtime.registry().hang(kind, &fault.name, until, full).await;
            return;
        }
        // An actor that is left alone cannot crash; the order would strike it when it is tried again.
        let actors = self.runtime.registry().actors();
        if actors.iter().any(|actor| actor.failed && actor.kind == kind && actor.name == fault.name) {
            return;
        }
        // A full mailbox has no room for the order either; the actor is then struck by its load.
        let _ = self.runtime.registry().crash(kind, &fault.name).await;
    }
}

/// What a request from another process came by; it breaks with the process that should have answered.
struct Connection {
    house: Arc<House>,
    message: MessageId,
    answered: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.answered && self.house.is_dead() {
            self.house.with(|world| world.reply(self.message, Err(ErrorKind::ConnectionError)));
        }
    }
}

/// A request that has no outcome yet. Its task may panic with a bound function; it then ends here.
struct Unsettled {
    house: Arc<House>,
    request: Request,
    settled: bool,
}

impl Unsettled {
    fn settle(&mut self, ended: Ended) {
        self.settled = true;
        self.house.unsettled.fetch_sub(1, Ordering::Relaxed);
        let Request { load, at, about, handler } = self.request;
        let most = self.house.entries[load].is_none().then(|| self.house.handlers[handler].most);
        self.house.with(|world| {
            let mut record = self.house.recorder.record();
            record.measures.ended(world.now, at, handler, ended);
            record.invariants.ended(about.request, world.now.saturating_sub(at), most.flatten());
            drop(record);
            world.answered(load);
        });
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.settled && std::thread::panicking() {
            self.settle(Ended::Failed("panicked"));
        } else if !self.settled && self.house.is_dead() {
            self.settle(Ended::Failed(ErrorKind::ConnectionError.as_str()));
        }
    }
}
