use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::Runtime;
use steadfast_actors::clock::Clock;
use steadfast_actors::machine::Kind;

use super::handler::Handler;
use super::log::Recorder;
use super::measures::Ended;
use super::running::Pool;
use crate::world::{About, ActorFault, ActorFaultKind, Job, Reply, Request, Route, World};

/// Everything that the tasks of one run share: the world, the runtime under test, and the handlers.
pub(crate) struct House {
    pub(crate) world: Mutex<World>,
    pub(crate) runtime: Runtime,
    pub(crate) clock: Arc<Clock>,
    pub(crate) recorder: Recorder,
    pub(crate) handlers: Vec<Handler>,
    /// How the requests of each load reach their handler, where a link lies between.
    pub(crate) entries: Vec<Option<Route>>,
    pub(crate) pools: Vec<Pool>,
    /// Calls of handlers so far.
    pub(crate) calls: AtomicU64,
    /// Requests from outside whose tasks are alive.
    pub(crate) unsettled: AtomicU64,
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
        let (result, jobs) = {
            let mut world = self.world();
            world.now = self.clock.now().as_nanos();
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
        let house = Arc::clone(self);
        match job {
            Job::Request(request) => drop(tokio::spawn(house.request(request))),
            Job::Serve { handler, message, about } => {
                drop(tokio::spawn(async move {
                    let reply = house.serve(handler, about).await;
                    house.with(|world| world.reply(message, reply));
                }));
            }
            Job::Actor(fault) => drop(tokio::spawn(house.strike(fault))),
            Job::ShiftWall(by) => {
                self.clock.shift_wall(Duration::from_nanos(by.unsigned_abs()), by < 0);
            }
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
        }
    }
}
