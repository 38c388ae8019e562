//! Name -> handle, one registry per runtime.
//!
//! A name is created by whoever declares it first; declared again in the same way it is the same actor, in another
//! way it is a conflict that names both declarations. Names are bounded: a name that outsiders choose must be a key
//! of one actor, never an actor of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;

use crate::adaptive::brownout::{BrownoutHandle, DegradeGracefully};
use crate::adaptive::hedge::{Hedge, HedgeHandle};
use crate::adaptive::timeout::{AdaptiveHandle, AdaptiveTimeout};
use crate::breaker::{BreakerConfig, BreakerHandle};
use crate::bulkhead::{BulkheadConfig, BulkheadHandle};
use crate::clock::Time;
use crate::event::Happening;
use crate::host::{AskError, Ground, Hosted};
use crate::idempotency::{IdempotencyConfig, IdempotencyHandle};
use crate::limiter::{LimiterConfig, LimiterHandle};
use crate::machine::{Kind, Machine};
use crate::rejection::Rejection;
use crate::shed::{Shed, ShedHandle};
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
    fn place(&self) -> (Kind, &str);
    fn notice(&self, text: String);
    fn view(&self) -> ActorView;
    fn snapshot(&self) -> Vec<u8>;
    fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError>;
    fn poison(&self, key: Option<&str>);
    fn crash(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), AskError>> + Send>>;
    fn hang(
        &self,
        until: Time,
        full: bool,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), AskError>> + Send>>;
    fn stop(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
}

struct Entry<M: Machine>(Arc<Hosted<M>>);

impl<M: Machine> AnyHosted for Entry<M> {
    fn place(&self) -> (Kind, &str) {
        (self.0.kind(), self.0.name())
    }

    fn notice(&self, text: String) {
        self.0.happened(Happening::Notice { text });
    }

    fn view(&self) -> ActorView {
        ActorView {
            kind: self.0.kind(),
            name: self.0.name().to_owned(),
            state: M::describe(&self.0.fresh_status()),
            mailbox: self.0.mailbox_depth(),
            restarts: self.0.restarts(),
            failed: self.0.is_failed(),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.snapshot()
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.0.restore(bytes)
    }

    fn poison(&self, key: Option<&str>) {
        self.0.poison(key);
    }

    fn crash(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), AskError>> + Send>> {
        let hosted = Arc::clone(&self.0);
        Box::pin(async move { hosted.crash().await })
    }

    fn hang(
        &self,
        until: Time,
        full: bool,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), AskError>> + Send>> {
        let hosted = Arc::clone(&self.0);
        Box::pin(async move { hosted.hang(until, full).await })
    }

    fn stop(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let hosted = Arc::clone(&self.0);
        Box::pin(async move { hosted.stop().await })
    }
}

/// A handle as it was declared.
#[derive(Clone, Debug)]
struct Declared<H, C> {
    handle: H,
    config: C,
    by: String,
}

/// For kinds that every site declares in full.
fn alike<H, C: PartialEq>(declared: &mut Declared<H, C>, config: &C, _by: &str) -> Result<(), &'static str> {
    if declared.config == *config { Ok(()) } else { Err("settings") }
}

/// For pools, where a site may leave to another what it does not care about.
fn together(
    declared: &mut Declared<BulkheadHandle, BulkheadConfig>,
    config: &BulkheadConfig,
    by: &str,
) -> Result<(), &'static str> {
    let merged = declared.config.merged(*config)?;
    if merged != declared.config {
        let says_nothing = declared.config == BulkheadConfig::default();
        declared.by = if says_nothing { by.to_owned() } else { format!("{}, {by}", declared.by) };
        declared.config = merged;
        declared.handle.declared_too(merged);
    }
    Ok(())
}

type Rooms<H, C> = DashMap<String, Declared<H, C>>;

/// All actors of one runtime by kind and name.
pub struct Registry {
    ground: Arc<Ground>,
    /// Held while a name is created, so that two first callers get one actor; ordered, because operators see it.
    all: Mutex<BTreeMap<(Kind, String), Arc<dyn AnyHosted>>>,
    breakers: Rooms<BreakerHandle, BreakerConfig>,
    limiters: Rooms<LimiterHandle, LimiterConfig>,
    stores: Rooms<IdempotencyHandle, IdempotencyConfig>,
    bulkheads: Rooms<BulkheadHandle, BulkheadConfig>,
    throttles: Rooms<BulkheadHandle, BulkheadConfig>,
    hedges: Rooms<HedgeHandle, Hedge>,
    adaptive: Rooms<AdaptiveHandle, AdaptiveTimeout>,
    shedders: Rooms<ShedHandle, Shed>,
    brownouts: Rooms<BrownoutHandle, DegradeGracefully>,
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Kind, String), Arc<dyn AnyHosted>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.declare(&self.breakers, Kind::Breaker, name, config, by, BreakerHandle::new, alike)
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
        self.declare(&self.limiters, Kind::Limiter, name, config, by, LimiterHandle::new, alike)
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
        self.declare(&self.stores, Kind::Idempotency, name, config, by, IdempotencyHandle::new, alike)
    }

    /// The bulkhead of that name, if one was declared.
    #[must_use]
    pub fn bulkhead(&self, name: &str) -> Option<BulkheadHandle> {
        self.bulkheads.get(name).map(|declared| declared.handle.clone())
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
        self.declare(&self.bulkheads, Kind::Bulkhead, name, config, by, BulkheadHandle::new, together)
    }

    /// The throttle of that name, if one was declared.
    #[must_use]
    pub fn throttle(&self, name: &str) -> Option<BulkheadHandle> {
        self.throttles.get(name).map(|declared| declared.handle.clone())
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
        self.declare(&self.throttles, Kind::Throttle, name, config, by, BulkheadHandle::new, together)
    }

    #[expect(clippy::too_many_arguments, reason = "one table of names for all kinds")]
    fn declare<M, H, C>(
        &self,
        rooms: &Rooms<H, C>,
        kind: Kind,
        name: &str,
        config: C,
        by: &str,
        handle: impl FnOnce(Arc<Hosted<M>>, C) -> H,
        agree: impl Fn(&mut Declared<H, C>, &C, &str) -> Result<(), &'static str>,
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
                    let problem = format!(
                        "{by} and {} declare the {kind} with different {different}; write the settings in one \
                         place, or the same in both",
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
        let handle = handle(Arc::clone(&hosted), config.clone());
        let entry = Entry(hosted);
        self.recall(&entry);
        all.insert((kind, name.to_owned()), Arc::new(entry));
        let declared = Declared { handle: handle.clone(), config, by: by.to_owned() };
        rooms.insert(name.to_owned(), declared);
        Ok(handle)
    }

    /// What an operator sees of all actors, by kind and name.
    #[must_use]
    pub fn actors(&self) -> Vec<ActorView> {
        self.lock().values().map(|hosted| hosted.view()).collect()
    }

    /// Lets one actor panic, as a poisoned message would; `None` where there is none of that name.
    pub async fn crash(&self, kind: Kind, name: &str) -> Option<Result<(), AskError>> {
        let hosted = self.lock().get(&(kind, name.to_owned())).cloned()?;
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
        let hosted = self.lock().get(&(kind, name.to_owned())).cloned()?;
        Some(hosted.hang(until, full).await)
    }

    /// Lets every message with `key` make one actor panic, until `None` ends it; whether there is one of that name.
    pub fn poison(&self, kind: Kind, name: &str, key: Option<&str>) -> bool {
        let hosted = self.lock().get(&(kind, name.to_owned())).cloned();
        hosted.is_some_and(|hosted| {
            hosted.poison(key);
            true
        })
    }

    /// Stops every actor for good, all at once.
    pub async fn stop(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        let stopping: Vec<_> = all.iter().map(|hosted| self.ground.tokio().spawn(hosted.stop())).collect();
        for stopped in stopping {
            let _ = stopped.await;
        }
    }
}
