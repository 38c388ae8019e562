use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::acquiring::Acquiring;
use super::kinds::{ConnectionCounts, Connections, Connector, Rooms};
use super::outage::Outage;
use super::permit::{BulkheadPermit, Held, InAdvance};
use super::{Acquire, BulkheadConfig, BulkheadInput, BulkheadMachine, BulkheadStatus, PoolKind, Priority};
use crate::clock::Time;
use crate::host::{Hosted, aside};
use crate::rejection::Rejection;
use crate::settings::Grants;

/// One bulkhead or throttle, for code that uses it without a macro. Cheap to clone; all clones are the same pool.
///
/// The machine, and with it who holds what, lives in a cell that outlives its actor: a restarted actor goes on with
/// the permits that are out. A permit is known by a ticket that is never used again, so that an old guard gives back
/// its own permit or nothing.
///
/// # Example
/// ```no_run
/// # use steadfast_actors::{bulkhead::{BulkheadHandle, Priority}, rejection::Rejection};
/// # async fn charge() {}
/// # async fn checkout(orders: BulkheadHandle) -> Result<(), Rejection> {
/// let permit = orders.acquire(Priority::High).await?;
/// charge().await;
/// drop(permit);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct BulkheadHandle {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hosted: Arc<Hosted<BulkheadMachine>>,
    /// As all sites of the name declare it together, which the last of them may only do while calls run.
    config: RwLock<BulkheadConfig>,
    /// Calls that observe mode would have refused.
    pub(super) would_refuse: AtomicU64,
    pub(super) outage: Outage,
    pub(super) rooms: Rooms,
}

impl BulkheadHandle {
    /// The handle of a hosted pool.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<BulkheadMachine>>, config: BulkheadConfig) -> Self {
        let (config, would_refuse) = (RwLock::new(config), AtomicU64::new(0));
        let (outage, rooms) = (Outage::default(), Rooms::default());
        let shared = Arc::new(Shared { hosted, config, would_refuse, outage, rooms });
        shared.hosted.gate().lasting().belongs_to(&shared);
        BulkheadHandle { shared }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// Its permits as they are out now, and its line as last published.
    #[must_use]
    pub fn status(&self) -> BulkheadStatus {
        self.shared.hosted.gate().refreshed(self.shared.hosted.status())
    }

    /// Permits, or bytes, held.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.status().in_use
    }

    /// Permits, or bytes, that are free; none while a pool that was made smaller empties.
    #[must_use]
    pub fn available(&self) -> u64 {
        let status = self.status();
        status.capacity.saturating_sub(status.in_use)
    }

    /// Callers in line.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.status().waiting
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> BulkheadConfig {
        *self.shared.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what its actor grants is given in advance: what its name says, else what its runtime does.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.config().grants().unwrap_or(self.shared.hosted.options().grants)
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<BulkheadMachine>> {
        &self.shared.hosted
    }

    /// How many calls observe mode let pass that it would have refused.
    #[must_use]
    pub fn would_refuse(&self) -> u64 {
        self.shared.would_refuse.load(Ordering::Relaxed)
    }

    /// Takes one permit, and waits for it as long as the pool's `max_wait` allows.
    ///
    /// # Errors
    /// [`Rejection::Full`] where there is none in time, [`Rejection::Unavailable`] where its actor cannot decide and
    /// the pool is declared to reject then, as it is by default.
    ///
    /// # Cancel safety
    /// A dropped `acquire` leaves the line, and gives back whatever it was granted.
    #[inline]
    pub fn acquire(
        &self,
        priority: Priority,
    ) -> impl Future<Output = Result<BulkheadPermit, Rejection>> + Send {
        Acquiring::new(self, priority)
    }

    /// The same, waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`acquire`](BulkheadHandle::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](BulkheadHandle::acquire).
    pub async fn acquire_until(
        &self,
        priority: Priority,
        deadline: Time,
    ) -> Result<BulkheadPermit, Rejection> {
        self.acquire_n(priority, 1, deadline).await
    }

    /// Takes `weight` of the capacity at once: the bytes that a call will need of a memory.
    ///
    /// # Errors
    /// As [`acquire`](BulkheadHandle::acquire); more than the whole capacity is refused without a time to try again.
    ///
    /// # Cancel safety
    /// As [`acquire`](BulkheadHandle::acquire).
    pub async fn acquire_n(
        &self,
        priority: Priority,
        weight: u64,
        deadline: Time,
    ) -> Result<BulkheadPermit, Rejection> {
        self.acquire_as(Acquire { priority, weight, deadline, preempts: false }).await
    }

    /// Takes what `acquire` says. One that preempts lets the youngest holder of the lowest class below its own be told
    /// to go, where it would wait and the pool's [preemption](BulkheadConfig::with_preemption) is on; it waits all the
    /// same until that one has given its permit back.
    ///
    /// # Errors
    /// As [`acquire`](BulkheadHandle::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](BulkheadHandle::acquire); who was told to go is not called back.
    pub async fn acquire_as(&self, acquire: Acquire) -> Result<BulkheadPermit, Rejection> {
        let hosted = &self.shared.hosted;
        let Acquire { weight, deadline, .. } = acquire;
        let input = BulkheadInput::Acquire(acquire);
        // Whoever is too late is told so by the actor.
        if deadline != Time::MAX && deadline <= hosted.now() {
            return aside(|| self.take(input, None)).await;
        }
        match self.at_once(weight.max(1)) {
            Some(permit) => Ok(permit),
            None => match acquire.class_refused().and_then(|class| self.refused(class)) {
                Some(rejection) => Err(rejection),
                None => aside(|| self.acquire_or_ask(acquire)).await,
            },
        }
    }

    /// What most calls find: a permit that the actor has granted in advance.
    #[inline]
    pub(super) fn at_once(&self, weight: u64) -> Option<BulkheadPermit> {
        let lasting = self.shared.hosted.gate().lasting();
        let taken = || BulkheadPermit::new(Held::InAdvance(InAdvance { lasting, weight }));
        lasting.permits.try_take(weight).then(taken)
    }

    /// A permit that the actor has granted in advance.
    #[inline]
    pub(super) fn taken(&self, weight: u64) -> BulkheadPermit {
        let lasting = self.shared.hosted.gate().lasting();
        BulkheadPermit::new(Held::InAdvance(InAdvance { lasting, weight }))
    }

    /// Takes a permit of the lane for calls that run with all their optional parts off: a tenth of the capacity,
    /// rounded up and counted apart. Nobody waits for one.
    ///
    /// # Errors
    /// As [`acquire`](BulkheadHandle::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](BulkheadHandle::acquire).
    pub async fn acquire_optional(&self) -> Result<BulkheadPermit, Rejection> {
        self.take(BulkheadInput::AcquireLane, None).await
    }

    /// Gives a pool of kind `connections` what opens them. Those that are to be there in advance are opened now.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] where the pool is of another kind, or has a connector.
    pub fn connect_with<K: Connector>(&self, connector: K) -> Result<(), Rejection> {
        let wrong = |problem: &str| Err(Rejection::misconfigured(self.name(), problem));
        if self.config().kind() != PoolKind::Connections {
            return wrong(
                "a connector is for a pool of connections: write kind = \"connections\" where it is declared",
            );
        }
        let connections = &self.shared.rooms.connections;
        if connections.get().is_some() || connections.set(Connections::new(self, connector)).is_err() {
            return wrong("it has a connector already");
        }
        Ok(())
    }

    /// How many connections it has; `None` where it has no connector.
    #[must_use]
    pub fn connections(&self) -> Option<ConnectionCounts> {
        self.shared.rooms.connections.get().map(|connections| connections.counts())
    }

    /// Gives it another capacity while it runs; made smaller, permits are withheld as they come back.
    ///
    /// # Errors
    /// [`Rejection::Misconfigured`] for a capacity of zero, or above the most that a pool can have.
    pub fn set_capacity(&self, capacity: u64) -> Result<(), Rejection> {
        let mut config = self.shared.config.write().unwrap_or_else(PoisonError::into_inner);
        *config = config
            .ordered(capacity)
            .map_err(|problem| Rejection::misconfigured(self.name(), problem.to_string()))?;
        // Under the lock: the machine must see orders as they were given.
        self.shared.hosted.reconfigure(*config);
        Ok(())
    }

    /// Takes what another site adds to its settings; an operator's orders stand.
    pub(crate) fn declared_too(&self, declared: BulkheadConfig) {
        let mut config = self.shared.config.write().unwrap_or_else(PoisonError::into_inner);
        *config = config.redeclared(declared);
        self.shared.hosted.reconfigure(*config);
    }

    /// Lets nobody in any more. Whoever waits is told so; whoever holds a permit keeps it.
    pub async fn close(&self) {
        self.shared.hosted.report(BulkheadInput::Close).await;
    }
}
