//! Name -> handle, one registry per runtime.
//!
//! A name is created by whoever declares it first; declared again in the same way it is the same actor, in another
//! way it is a conflict that names both declarations. Names are bounded: a name that outsiders choose must be a key
//! of one actor, never an actor of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;

use crate::adaptive::brownout::BrownoutHandle;
use crate::adaptive::hedge::HedgeHandle;
use crate::adaptive::timeout::AdaptiveHandle;
use crate::breaker::{BreakerConfig, BreakerHandle};
use crate::bulkhead::{BulkheadConfig, BulkheadHandle, BulkheadMachine};
use crate::clock::Time;
use crate::event::Happening;
use crate::host::{AskError, Ground, Hosted, Later};
use crate::idempotency::{IdempotencyConfig, IdempotencyHandle};
use crate::limiter::{LimiterConfig, LimiterHandle};
use crate::machine::{Kind, Machine};
use crate::rejection::Rejection;
use crate::shed::ShedHandle;
use crate::snapshot::SnapshotError;

mod learned;
mod saved;
#[cfg(test)]
mod tests;

pub use saved::{NotRestored, SavedActor};

/// How many actors one runtime may have.
pub const MAX_ACTORS: usize = 100_000;

/// What an operator sees of one actor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ActorView {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its state in a few words.
    pub state: String,
    /// Messages in its mailbox.
    pub mailbox: usize,
    /// Restarts since the runtime began.
    pub restarts: u64,
    /// Whether it crashed too often and is being left alone.
    pub failed: bool,
}

/// Any hosted machine, for who watches and keeps them all.
trait AnyHosted: Send + Sync {
    fn place(&self) -> (Kind, &'static str);
    fn notice(&self, text: String);
    fn view(&self) -> ActorView;
    fn snapshot(&self) -> Vec<u8>;
    fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError>;
    fn poison(&self, key: Option<&str>);
    fn crash(self: Arc<Self>) -> Later<'static, Result<(), AskError>>;
    fn hang(self: Arc<Self>, until: Time, full: bool) -> Later<'static, Result<(), AskError>>;
    fn stop(self: Arc<Self>) -> Later<'static, ()>;
}

impl<M: Machine> AnyHosted for Hosted<M> {
    fn place(&self) -> (Kind, &'static str) {
        (self.kind(), self.name())
    }

    fn notice(&self, text: String) {
        self.happened(Happening::Notice { text });
    }

    fn view(&self) -> ActorView {
        ActorView {
            kind: self.kind(),
            name: self.name().to_owned(),
            state: M::describe(&self.fresh_status()),
            mailbox: self.mailbox_depth(),
            restarts: self.restarts(),
            failed: self.is_failed(),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        Hosted::snapshot(self)
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        Hosted::restore(self, bytes)
    }

    fn poison(&self, key: Option<&str>) {
        Hosted::poison(self, key);
    }

    fn crash(self: Arc<Self>) -> Later<'static, Result<(), AskError>> {
        Box::pin(async move { Hosted::crash(&self).await })
    }

    fn hang(self: Arc<Self>, until: Time, full: bool) -> Later<'static, Result<(), AskError>> {
        Box::pin(async move { Hosted::hang(&self, until, full).await })
    }

    fn stop(self: Arc<Self>) -> Later<'static, ()> {
        Box::pin(async move { Hosted::stop(&self).await })
    }
}

/// A handle, and who declared it. How it was declared, it knows itself.
#[derive(Clone, Debug)]
struct Declared<H> {
    handle: H,
    by: Box<str>,
}

/// What differs where a kind is declared in full by every site.
const SETTINGS: &str = "settings";

/// For kinds that every site declares in full.
fn alike<C: PartialEq>(declared: &C, config: &C) -> Result<(), &'static str> {
    if declared == config { Ok(()) } else { Err(SETTINGS) }
}

/// For pools, where a site may leave to another what it does not care about.
fn together(declared: &mut Declared<Pool>, config: &BulkheadConfig, by: &str) -> Result<(), &'static str> {
    let pool = &mut declared.handle;
    let merged = pool.declared.merged(*config)?;
    if merged != *pool.declared {
        let says_nothing = *pool.declared == BulkheadConfig::default();
        declared.by = if says_nothing { by.into() } else { format!("{}, {by}", declared.by).into() };
        *pool.declared = merged;
        pool.handle.declared_too(merged);
    }
    Ok(())
}

/// A pool, whose settings may be an operator's by now, with those that its sites declared together.
#[derive(Clone, Debug)]
struct Pool {
    handle: BulkheadHandle,
    declared: Box<BulkheadConfig>,
}

impl Pool {
    fn new(hosted: Arc<Hosted<BulkheadMachine>>, declared: BulkheadConfig) -> Self {
        Pool { handle: BulkheadHandle::new(hosted, declared), declared: Box::new(declared) }
    }
}

type All = BTreeMap<(Kind, &'static str), Arc<dyn AnyHosted>>;
type Rooms<H> = DashMap<&'static str, Declared<H>>;

/// All actors of one runtime by kind and name.
pub struct Registry {
    ground: Arc<Ground>,
    /// Held while a name is created, so that two first callers get one actor; ordered, because operators see it.
    all: Mutex<All>,
    breakers: Rooms<BreakerHandle>,
    limiters: Rooms<LimiterHandle>,
    stores: Rooms<IdempotencyHandle>,
    bulkheads: Rooms<Pool>,
    throttles: Rooms<Pool>,
    hedges: Rooms<HedgeHandle>,
    adaptive: Rooms<AdaptiveHandle>,
    shedders: Rooms<ShedHandle>,
    brownouts: Rooms<BrownoutHandle>,
    left: Mutex<saved::Left>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("actors", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry without names.
    #[must_use]
    pub fn new(ground: Arc<Ground>) -> Self {
        Registry {
            ground,
            all: Mutex::default(),
            breakers: DashMap::new(),
            limiters: DashMap::new(),
            stores: DashMap::new(),
            bulkheads: DashMap::new(),
            throttles: DashMap::new(),
            hedges: DashMap::new(),
            adaptive: DashMap::new(),
            shedders: DashMap::new(),
            brownouts: DashMap::new(),
            left: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hosted(&self, kind: Kind, name: &str) -> Option<Arc<dyn AnyHosted>> {
        let all: &BTreeMap<(Kind, &str), _> = &self.lock();
        all.get(&(kind, name)).cloned()
    }

    /// The ground that its actors stand on.
    #[must_use]
    #[inline]
    pub fn ground(&self) -> &Arc<Ground> {
        &self.ground
    }

    /// The breaker of that name, if one was declared.
    #[must_use]
    pub fn breaker(&self, name: &str) -> Option<BreakerHandle> {
        self.breakers.get(name).map(|declared| declared.handle.clone())
    }

    /// The breaker of that name, created where it does not exist yet. `by` says who declares it, for the conflict's
    /// message.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where the name was declared with other settings, naming both declarations, or where
    /// the runtime has [`MAX_ACTORS`] actors.
    pub fn declare_breaker(
        &self,
        name: &str,
        config: BreakerConfig,
        by: &str,
    ) -> Result<BreakerHandle, Rejection> {
        let config = Arc::new(config);
        self.declare(
            &self.breakers,
            Kind::Breaker,
            name,
            config,
            by,
            BreakerHandle::new,
            |declared, config, _| alike(declared.handle.config(), &**config),
        )
    }

    /// The limiter of that name, if one was declared.
    #[must_use]
    pub fn limiter(&self, name: &str) -> Option<LimiterHandle> {
        self.limiters.get(name).map(|declared| declared.handle.clone())
    }

    /// The limiter of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_limiter(
        &self,
        name: &str,
        config: LimiterConfig,
        by: &str,
    ) -> Result<LimiterHandle, Rejection> {
        self.declare(
            &self.limiters,
            Kind::Limiter,
            name,
            config,
            by,
            LimiterHandle::new,
            |declared, config, _| alike(declared.handle.config(), config),
        )
    }

    /// The idempotency store of that name, if one was declared.
    #[must_use]
    pub fn idempotency(&self, name: &str) -> Option<IdempotencyHandle> {
        self.stores.get(name).map(|declared| declared.handle.clone())
    }

    /// The idempotency store of that name, created where it does not exist yet. `by` says who declares it. The handle
    /// has the default terms; a site lays its own over it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_idempotency(
        &self,
        name: &str,
        config: IdempotencyConfig,
        by: &str,
    ) -> Result<IdempotencyHandle, Rejection> {
        self.declare(
            &self.stores,
            Kind::Idempotency,
            name,
            config,
            by,
            IdempotencyHandle::new,
            |declared, config, _| alike(declared.handle.config(), config),
        )
    }

    /// The bulkhead of that name, if one was declared.
    #[must_use]
    pub fn bulkhead(&self, name: &str) -> Option<BulkheadHandle> {
        self.bulkheads.get(name).map(|declared| declared.handle.handle.clone())
    }

    /// The bulkhead of that name, created where it does not exist yet. What one site leaves out, another may say: the
    /// pool takes it up while it runs. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker), where two sites contradict each other.
    pub fn declare_bulkhead(
        &self,
        name: &str,
        config: BulkheadConfig,
        by: &str,
    ) -> Result<BulkheadHandle, Rejection> {
        self.declare(&self.bulkheads, Kind::Bulkhead, name, config, by, Pool::new, together)
            .map(|pool| pool.handle)
    }

    /// The throttle of that name, if one was declared.
    #[must_use]
    pub fn throttle(&self, name: &str) -> Option<BulkheadHandle> {
        self.throttles.get(name).map(|declared| declared.handle.handle.clone())
    }

    /// The throttle of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_bulkhead`](Registry::declare_bulkhead).
    pub fn declare_throttle(
        &self,
        name: &str,
        config: BulkheadConfig,
        by: &str,
    ) -> Result<BulkheadHandle, Rejection> {
        self.declare(&self.throttles, Kind::Throttle, name, config, by, Pool::new, together)
            .map(|pool| pool.handle)
    }

    #[expect(clippy::too_many_arguments, reason = "one table of names for all kinds")]
    fn declare<M, H, C>(
        &self,
        rooms: &Rooms<H>,
        kind: Kind,
        name: &str,
        config: C,
        by: &str,
        handle: impl FnOnce(Arc<Hosted<M>>, C) -> H,
        agree: impl Fn(&mut Declared<H>, &C, &str) -> Result<(), &'static str>,
    ) -> Result<H, Rejection>
    where
        M: Machine<Config = C>,
        H: Clone,
        C: Clone,
    {
        let known = || {
            rooms.get_mut(name).map(|mut declared| match agree(&mut declared, &config, by) {
                Ok(()) => Ok(declared.handle.clone()),
                Err(different) => {
                    let way_out = if different == SETTINGS {
                        "write the same at both: what one of them leaves out is the default there"
                    } else {
                        "write it at one of them, or the same at both"
                    };
                    let problem = format!(
                        "{by} and {} declare the {kind} with different {different}; {way_out}, or once for both in the \
                         settings file",
                        declared.by
                    );
                    Err(Rejection::misconfigured(name, problem))
                }
            })
        };
        if let Some(result) = known() {
            return result;
        }
        let mut all = self.lock();
        if let Some(result) = known() {
            return result;
        }
        if all.len() >= MAX_ACTORS {
            let problem = format!("the runtime has {MAX_ACTORS} actors; use one name with keys instead");
            return Err(Rejection::misconfigured(name, problem));
        }
        let hosted = Hosted::new(Arc::clone(&self.ground), kind, name, config.clone());
        let name = hosted.name();
        let handle = handle(Arc::clone(&hosted), config);
        self.recall(&*hosted);
        all.insert((kind, name), hosted);
        rooms.insert(name, Declared { handle: handle.clone(), by: by.into() });
        Ok(handle)
    }

    /// What an operator sees of all actors, by kind and name.
    #[must_use]
    pub fn actors(&self) -> Vec<ActorView> {
        self.lock().values().map(|hosted| hosted.view()).collect()
    }

    /// Lets one actor panic, as a poisoned message would; `None` where there is none of that name.
    pub async fn crash(&self, kind: Kind, name: &str) -> Option<Result<(), AskError>> {
        let hosted = self.hosted(kind, name)?;
        Some(hosted.crash().await)
    }

    /// Lets one actor do nothing until then, and with `full` its mailbox take nothing; `None` where there is none of that
    /// name.
    pub async fn hang(
        &self,
        kind: Kind,
        name: &str,
        until: Time,
        full: bool,
    ) -> Option<Result<(), AskError>> {
        let hosted = self.hosted(kind, name)?;
        Some(hosted.hang(until, full).await)
    }

    /// Lets every message with `key` make one actor panic, until `None` ends it; whether there is one of that name.
    pub fn poison(&self, kind: Kind, name: &str, key: Option<&str>) -> bool {
        let hosted = self.hosted(kind, name);
        hosted.is_some_and(|hosted| {
            hosted.poison(key);
            true
        })
    }

    /// Stops every actor for good, all at once.
    pub async fn stop(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        let stopping: Vec<_> =
            all.into_iter().map(|hosted| self.ground.tokio().spawn(hosted.stop())).collect();
        for stopped in stopping {
            let _ = stopped.await;
        }
    }
}
