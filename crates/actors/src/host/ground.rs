use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kameo::actor::{ActorRef, Spawn as _};
use kameo::mailbox;
use tokio::runtime::Handle;

use super::actor::Supervisor;
use super::hosted::lock;
use super::load::Load;
use crate::clock::Clock;
use crate::clock::timer::Timers;
use crate::event::EventSink;
use crate::settings::Grants;
use crate::supervise::RestartLimit;

/// How an actor is hosted.
#[derive(Clone, Copy, Debug)]
pub struct HostOptions {
    /// Messages that may wait in the mailbox; one more is refused at once.
    pub mailbox: usize,
    /// How long a caller waits for a first answer.
    pub ask_timeout: Duration,
    /// How often it may be restarted.
    pub restarts: RestartLimit,
    /// How callers get what they need of it, where its name says nothing of its own.
    pub grants: Grants,
}

impl Default for HostOptions {
    /// A mailbox of 1,024, 100 ms, 5 restarts in 30 s, grants in advance.
    fn default() -> Self {
        HostOptions {
            mailbox: 1_024,
            ask_timeout: Duration::from_millis(100),
            restarts: RestartLimit::default(),
            grants: Grants::default(),
        }
    }
}

/// What all actors of one runtime stand on.
pub struct Ground {
    pub(super) seed: u64,
    pub(super) clock: Arc<Clock>,
    pub(super) events: Arc<dyn EventSink>,
    pub(super) options: HostOptions,
    pub(super) tokio: Handle,
    pub(super) supervisor: ActorRef<Supervisor>,
    #[cfg(feature = "interpose")]
    pub(super) interposer: std::sync::OnceLock<Arc<dyn super::interpose::Interposer>>,
    pub(super) load: Load,
    /// What bounds those who wait; none where its clock is no fast one: simulated time is exact, and stays with tokio's timers.
    pub(super) timers: Option<Timers>,
    /// What all actors of one kind share, kind by kind.
    shared: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Ground {
    /// The ground of a runtime whose actors live on `tokio`; starts their supervisor.
    #[must_use]
    pub fn new(
        tokio: Handle,
        seed: u64,
        clock: Arc<Clock>,
        events: Arc<dyn EventSink>,
        options: HostOptions,
    ) -> Arc<Self> {
        let supervisor = {
            let _entered = tokio.enter();
            // Unbounded: a death notice must never be refused. At most one stands in it for each actor.
            Supervisor::spawn_with_mailbox((), mailbox::unbounded())
        };
        let timers = clock.is_fast().then(|| Timers::new(tokio.clone(), Arc::clone(&clock)));
        Arc::new(Ground {
            seed,
            clock,
            events,
            options,
            tokio,
            supervisor,
            load: Load::default(),
            timers,
            shared: Mutex::default(),
            #[cfg(feature = "interpose")]
            interposer: std::sync::OnceLock::new(),
        })
    }

    /// The clock of the runtime.
    #[must_use]
    #[inline]
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The one table of ends of its runtime, for what waits; none where its clock is no [fast](Clock::fast) one.
    #[must_use]
    #[inline]
    pub fn timers(&self) -> Option<&Timers> {
        self.timers.as_ref()
    }

    /// The one thing of this type that its actors share.
    pub(super) fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut shared = lock(&self.shared);
        if let Some(known) = shared.iter().find_map(|known| Arc::clone(known).downcast().ok()) {
            return known;
        }
        let new = Arc::new(T::default());
        shared.push(Arc::clone(&new) as Arc<dyn Any + Send + Sync>);
        new
    }

    /// The seed of all its randomness.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where its events go.
    #[must_use]
    #[inline]
    pub fn events(&self) -> &Arc<dyn EventSink> {
        &self.events
    }

    /// How its actors are hosted.
    #[must_use]
    pub fn options(&self) -> HostOptions {
        self.options
    }

    /// The tokio runtime that its actors live on.
    #[must_use]
    pub fn tokio(&self) -> &Handle {
        &self.tokio
    }
}
