use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::connections::{ConnectionError, Connections, Lease};
use super::threads::{Finish, NoRoom, Threads, Work};
use crate::bulkhead::{BulkheadHandle, BulkheadPermit, PoolKind};
use crate::clock::Time;
use crate::rejection::{FullReason, Rejection, UnavailableReason};

/// A permit that a call shares with the work done under it. It is given back when the last of them lets go: work that
/// cannot be cut keeps it beyond its caller's timeout.
#[derive(Clone, Debug)]
pub struct SharedPermit {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    permit: BulkheadPermit,
    pool: Option<BulkheadHandle>,
    /// One permit is one thread or one connection, so what is done under it is done one after another.
    turn: Arc<Semaphore>,
}

impl BulkheadPermit {
    /// The same permit for several owners.
    #[must_use]
    pub fn shared(self) -> SharedPermit {
        let (pool, turn) = (self.pool(), Arc::new(Semaphore::new(1)));
        SharedPermit { inner: Arc::new(Inner { permit: self, pool, turn }) }
    }
}

impl SharedPermit {
    /// The pool that it comes from; `None` where nobody had that any more when it was made, which only pools of kind
    /// `semaphore` come to.
    #[must_use]
    pub fn pool(&self) -> Option<&BulkheadHandle> {
        self.inner.pool.as_ref()
    }

    /// Its pool's name, where its pool is not of the kind that is needed.
    fn misconfigured(&self, problem: &str) -> Rejection {
        Rejection::misconfigured(self.pool().map_or("semaphore", BulkheadHandle::name), problem)
    }

    /// Says how the work ended that it is held for, as [`BulkheadPermit::note`] does.
    pub fn note(&self, ending: crate::outcome::Ending) {
        self.inner.permit.note(ending);
    }

    /// Whether no work is being done under it.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.inner.turn.available_permits() > 0
    }

    /// Runs blocking work on a thread of its pool, of kind `threads`. Second work under one permit waits for the first.
    ///
    /// On a paused tokio runtime, as in the simulator, the work runs at once on the thread that polls this: no virtual
    /// time passes, and the run stays the same each time. Work that waits for another task then waits for ever.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where its pool has no threads, [`Rejection::Full`] where `deadline` is over before a
    /// thread is free, [`Rejection::Unavailable`] where the operating system gives no thread.
    ///
    /// # Panics
    /// With the work's own panic; the thread goes on.
    ///
    /// # Cancel safety
    /// Dropped while the work is queued, the work is dropped and never runs. Once begun it runs to its end, and the
    /// permit comes back then.
    pub async fn blocking<T: Send + 'static>(
        &self,
        deadline: Time,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        let Some(pool) = self.pool().filter(|pool| pool.config().kind() == PoolKind::Threads) else {
            let problem =
                "blocking work needs a pool of threads: write kind = \"threads\" where it is declared";
            return Err(self.misconfigured(problem));
        };
        let turn = self.turn().await;
        let clock = Arc::clone(pool.hosted().clock());
        if clock.is_simulated() {
            return Ok(work());
        }
        let (answer, result) = oneshot::channel();
        // What the work holds is given back before its caller goes on: else that one could find its own pool full.
        let held = (self.clone(), turn);
        let run = move || {
            if clock.now() >= deadline {
                return None;
            }
            let result = catch_unwind(AssertUnwindSafe(work));
            let finish: Finish = Box::new(move || {
                drop(held);
                let _ = answer.send(result);
            });
            Some(finish)
        };
        let threads = pool.shared.rooms.threads.get_or_init(|| Threads::new(pool.name()));
        let most = pool.config().capacity().saturating_add(pool.config().lane());
        let queued = threads.run(Work::new(run), most).map_err(|no_room| no_room_in(pool, no_room))?;
        let result = result.await;
        drop(queued);
        match result {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(full(pool, FullReason::WaitedTooLong)),
        }
    }

    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        Arc::clone(&self.inner.turn).acquire_owned().await.ok()
    }

    pub(super) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.inner.turn).try_acquire_owned().ok()
    }

    /// The connection that this permit is, of a pool of kind `connections`: one that is idle and was found sound, or a new
    /// one.
    ///
    /// # Errors
    /// [`ConnectionError::Connect`] and [`TimedOut`](ConnectionError::TimedOut) where there is none by `deadline` or within
    /// the pool's `connect_timeout`; [`ConnectionError::Refused`] where its pool has no such connections, or this permit's
    /// is lent already.
    ///
    /// # Cancel safety
    /// A connection that was being opened or checked is closed, and its place is free.
    pub async fn connection<C: Send + 'static>(&self, deadline: Time) -> Result<Lease<C>, ConnectionError> {
        let all = self.pool().and_then(|pool| pool.shared.rooms.connections.get());
        let all = all.map(|all| Arc::clone(all).any());
        let of_type = all.and_then(|all| all.downcast::<Connections<C>>().ok());
        let connections = of_type.ok_or_else(|| {
            let wanted = std::any::type_name::<C>();
            let problem =
                format!("it has no connections of type {wanted}; give it a connector that opens such");
            self.misconfigured(&problem)
        })?;
        connections.lease(self.clone(), deadline).await
    }
}

fn full(pool: &BulkheadHandle, reason: FullReason) -> Rejection {
    Rejection::full(pool.hosted().kind(), pool.name(), reason, None)
}

fn no_room_in(pool: &BulkheadHandle, no_room: NoRoom) -> Rejection {
    match no_room {
        NoRoom::QueueFull => full(pool, FullReason::QueueFull),
        NoRoom::NoThread => {
            Rejection::unavailable(pool.hosted().kind(), pool.name(), UnavailableReason::NoThread, None)
        }
    }
}
