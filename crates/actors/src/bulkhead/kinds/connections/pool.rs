use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::idle::{Idle, Opened};
use super::lease::Lease;
use super::{BoxError, ConnectionError, Connector, Connects, keeper};
use crate::bulkhead::{BulkheadHandle, ConnectionSettings, SharedPermit};
use crate::clock::{Clock, Entropy, Time, saturating_nanos};
use crate::rejection::Rejection;

/// The connections of one pool.
pub(crate) struct Connections<C> {
    name: String,
    connector: Box<dyn Connects<C>>,
    clock: Arc<Clock>,
    tokio: tokio::runtime::Handle,
    state: Mutex<State<C>>,
    /// One came back, or there is room for one.
    freed: Notify,
    pub(super) is_kept: AtomicBool,
    /// Tells the keeper to look again: one is unused that it may close, or the pool is gone.
    pub(super) changed: Arc<Notify>,
}

struct State<C> {
    idle: Idle<C>,
    /// Idle, lent and being opened.
    open: u64,
    most: u64,
    settings: ConnectionSettings,
    entropy: Entropy,
}

/// How many connections a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Idle, lent and being opened.
    pub open: u64,
    /// Those that nobody uses.
    pub idle: u64,
}

/// Those of any type.
pub(crate) trait AnyConnections: Send + Sync + fmt::Debug {
    fn counts(&self) -> ConnectionCounts;
    fn any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<C: Send + 'static> AnyConnections for Connections<C> {
    fn counts(&self) -> ConnectionCounts {
        let state = self.lock();
        ConnectionCounts { open: state.open, idle: state.idle.len() as u64 }
    }

    fn any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<C> fmt::Debug for Connections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<C> Drop for Connections<C> {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

impl<C> Connections<C> {
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be done for a connection.
enum Next<C> {
    Check(Opened<C>),
    Open,
    Wait,
}

impl<C: Send + 'static> Connections<C> {
    pub(crate) fn new<K: Connector<Connection = C>>(pool: &BulkheadHandle, connector: K) -> Arc<Self> {
        let (ground, name) = (pool.hosted().ground(), pool.name());
        let state = State {
            idle: Idle::default(),
            open: 0,
            most: 0,
            settings: pool.config().connections(),
            entropy: Entropy::new(ground.seed(), &format!("connections/{name}")),
        };
        let connections = Arc::new(Connections {
            name: name.to_owned(),
            connector: Box::new(connector),
            clock: Arc::clone(ground.clock()),
            tokio: ground.tokio().clone(),
            state: Mutex::new(state),
            freed: Notify::new(),
            is_kept: AtomicBool::new(false),
            changed: Arc::default(),
        });
        connections.follow(pool);
        connections.keep();
        connections
    }

    /// Takes over what the pool's settings are by now.
    fn follow(&self, pool: &BulkheadHandle) {
        let config = pool.config();
        let mut state = self.lock();
        state.most = config.capacity().saturating_add(config.lane());
        state.settings = config.connections();
    }

    pub(crate) async fn lease(
        self: &Arc<Self>,
        permit: SharedPermit,
        deadline: Time,
    ) -> Result<Lease<C>, ConnectionError> {
        let Some(turn) = permit.try_turn() else {
            let problem = "this call's connection is lent already; hand the lease on, or drop it first";
            return Err(Rejection::misconfigured(&*self.name, problem).into());
        };
        if let Some(pool) = permit.pool() {
            self.follow(pool);
        }
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Before the look: what comes free after it is not missed.
            freed.as_mut().enable();
            let opened = match self.next() {
                Next::Check(mut opened) => {
                    let place = Place(Arc::clone(self));
                    let sound = self.in_time(deadline, self.connector.check(&mut opened.connection)).await;
                    if sound.is_err() {
                        continue;
                    }
                    (opened, place)
                }
                Next::Open => {
                    let place = Place(Arc::clone(self));
                    (self.open(deadline).await?, place)
                }
                Next::Wait => {
                    let limit = self.limit(deadline);
                    let waited = tokio::time::timeout(limit, freed).await;
                    waited.map_err(|_| ConnectionError::TimedOut { pool: self.name.clone(), limit })?;
                    continue;
                }
            };
            let (opened, place) = opened;
            return Ok(Lease::new(opened, place, turn, permit));
        }
    }

    fn next(&self) -> Next<C> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut old = Vec::new();
        let next = loop {
            match state.idle.take() {
                Some(opened) if opened.retires <= now => old.push(opened),
                Some(opened) => break Next::Check(opened),
                None => {
                    state.open -= old.len() as u64;
                    if state.open < state.most {
                        state.open += 1;
                        break Next::Open;
                    }
                    break Next::Wait;
                }
            }
        };
        if let Next::Check(_) = next {
            state.open -= old.len() as u64;
        }
        // What closing one does is nobody's to wait for under the lock.
        drop(state);
        drop(old);
        next
    }

    fn limit(&self, deadline: Time) -> Duration {
        self.lock().settings.connect_timeout.min(self.clock.now().until(deadline))
    }

    async fn in_time<T>(
        &self,
        deadline: Time,
        answer: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, ConnectionError> {
        let limit = self.limit(deadline);
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => {
                answer.map_err(|source| ConnectionError::Connect { pool: self.name.clone(), source })
            }
            Err(_) => Err(ConnectionError::TimedOut { pool: self.name.clone(), limit }),
        }
    }

    async fn open(&self, deadline: Time) -> Result<Opened<C>, ConnectionError> {
        let connection = self.in_time(deadline, self.connector.connect()).await?;
        let mut state = self.lock();
        let lifetime = state.settings.max_lifetime;
        let early = Duration::from_nanos(state.entropy.up_to(saturating_nanos(lifetime / 10)));
        Ok(Opened { connection, retires: self.clock.now().after(lifetime.saturating_sub(early)) })
    }

    /// Opens one in advance, if fewer than the least are idle and there is room.
    ///
    /// # Errors
    /// Where it could not be opened.
    pub(super) async fn open_in_advance(self: &Arc<Self>) -> Result<bool, ConnectionError> {
        let mut place = {
            let mut state = self.lock();
            let enough = state.idle.len() >= state.settings.min_idle as usize;
            if enough || state.open >= state.most {
                return Ok(false);
            }
            state.open += 1;
            Place(Arc::clone(self))
        };
        let opened = self.open(Time::MAX).await?;
        place.put_back(opened);
        Ok(true)
    }

    /// Closes those that are too old, or unused too long; returns when the next one is.
    pub(super) fn retire(&self) -> Option<Time> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (least, idle_timeout) = (state.settings.min_idle as usize, state.settings.idle_timeout);
        let retired = state.idle.retire(now, least, idle_timeout);
        state.open -= retired.len() as u64;
        let next = state.idle.next_end(least, idle_timeout);
        drop(state);
        for _ in &retired {
            self.freed.notify_one();
        }
        next
    }

    pub(super) fn after(&self, wait: Duration) -> tokio::time::Instant {
        self.clock.instant(self.clock.now().after(wait))
    }

    pub(super) fn instant(&self, time: Time) -> tokio::time::Instant {
        self.clock.instant(time)
    }

    /// Lets somebody look after those that are idle, as long as there are any.
    fn keep(self: &Arc<Self>) {
        let needed = {
            let state = self.lock();
            state.idle.len() > 0 || state.settings.min_idle > 0
        };
        if needed && !self.is_kept.swap(true, Ordering::AcqRel) {
            self.tokio.spawn(keeper::keep(Arc::downgrade(self), Arc::clone(&self.changed)));
        }
    }
}

/// The place of one open connection among those that there may be; dropped without one, it is free for another.
pub(super) struct Place<C: Send + 'static>(Arc<Connections<C>>);

impl<C: Send + 'static> Place<C> {
    pub(super) fn pool(&self) -> &Arc<Connections<C>> {
        &self.0
    }

    /// Makes it idle, if it is sound.
    pub(super) fn put_back(&mut self, mut opened: Opened<C>) {
        let pool = &self.0;
        let now = pool.clock.now();
        if opened.retires <= now || !pool.connector.is_reusable(&mut opened.connection) {
            return;
        }
        let mut state = pool.lock();
        state.idle.put(now, opened);
        // The place goes with the connection; dropping this gives one back that was never taken.
        state.open += 1;
        let is_first_to_spare = state.idle.len() == state.settings.min_idle as usize + 1;
        drop(state);
        if is_first_to_spare {
            pool.changed.notify_one();
        }
        pool.keep();
    }
}

impl<C: Send + 'static> Drop for Place<C> {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
        self.0.freed.notify_one();
    }
}
