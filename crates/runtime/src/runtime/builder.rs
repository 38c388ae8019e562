use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use steadfast_actors::clock::{Clock, Entropy, WallTime};
use steadfast_actors::event::{Event, EventSink};
use steadfast_actors::host::{Ground, HostOptions};
use steadfast_actors::registry::Registry;
use steadfast_actors::settings::Grants;
use steadfast_actors::supervise::RestartLimit;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::flight::InFlight;
use super::{Inner, Runtime, current};
use crate::config::{self, ConfigError, Layers};
#[cfg(test)]
use crate::deadline::timer::Timers;
use crate::observe::Audit;
use crate::pipeline::Plans;
use crate::service::auth::{AuthOptions, CheckedAuth};
use crate::snapshots::{Disk, FileDisk};

/// Why a runtime could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The process already has one.
    #[error(
        "the runtime {name:?} is already installed in this process; build a second one with .isolated(), or shut the \
         first one down"
    )]
    AlreadyInstalled {
        /// Its name.
        name: String,
    },
    /// Declarations, file or environment have mistakes.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of saved states is there and cannot be read, or there is nowhere to put it.
    #[error(
        "cannot use {} as the file of saved states: {source}; starting without it would forget what was done, so \
         move it away if that is what you want",
        path.display()
    )]
    Snapshots {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The background thread for a runtime outside tokio could not be started.
    #[error("cannot start a background thread for the runtime's actors: {0}")]
    Thread(#[from] std::io::Error),
}

/// Configures a [`Runtime`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Default)]
pub struct RuntimeBuilder {
    name: Option<String>,
    seed: Option<u64>,
    wall: Option<WallTime>,
    isolated: bool,
    file: Option<std::path::PathBuf>,
    text: Option<String>,
    environment: Option<Vec<(String, String)>>,
    options: HostOptions,
    events: Option<Arc<dyn EventSink>>,
    audit: Option<Audit>,
    snapshots: Option<Arc<dyn Disk>>,
    clock: Option<Arc<Clock>>,
    /// Whether its calls end by the runtime's own timers also where its clock is not a fast one.
    #[cfg(test)]
    pub(crate) coarse: bool,
    pub(crate) auth: AuthOptions,
    #[cfg(feature = "http")]
    pub(crate) http: crate::service::http::HttpOptions,
}

struct NoEvents;

impl EventSink for NoEvents {
    fn is_recording(&self) -> bool {
        false
    }

    fn record(&self, _: Event) {}
}

impl RuntimeBuilder {
    /// Names it, for logs. Default: `steadfast`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Fixes the seed of all its randomness. Without one it comes from the operating system and is logged, so that the
    /// replicas of a fleet do not share one jitter.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts its calendar at a fixed time, so that two runs see the same dates.
    pub fn wall_clock_from(mut self, wall: WallTime) -> Self {
        self.wall = Some(wall);
        self
    }

    /// Builds it beside the installed one; it is used through [`Runtime::enter`] or [`Runtime::scope`].
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// How callers get what they need of its actors, where a name has no `grants` of its own. Default: [`Grants::On`], in
    /// advance.
    pub fn grants(mut self, grants: Grants) -> Self {
        self.options.grants = grants;
        self
    }

    /// Reads settings from this file (`steadfast.toml`).
    pub fn config_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Reads settings from this text, in the form of the file.
    pub fn config_text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Takes these variables in place of the process's environment.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = Some(variables.into_iter().collect());
        self
    }

    /// How many messages may wait in an actor's mailbox. Default: 1,024.
    pub fn mailbox(mut self, messages: usize) -> Self {
        self.options.mailbox = messages.max(1);
        self
    }

    /// How long a call waits for an actor's first answer. Default: 100 ms.
    pub fn ask_timeout(mut self, timeout: Duration) -> Self {
        self.options.ask_timeout = timeout;
        self
    }

    /// How often one name may be restarted. Default: 5 in 30 s, then a pause of 60 s.
    pub fn restarts(mut self, limit: RestartLimit) -> Self {
        self.options.restarts = limit;
        self
    }

    /// Where its events go. Default: nowhere.
    pub fn events(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.events = Some(sink);
        self
    }

    /// Where calls of `#[audit_log]` are written. Without one they go to `tracing`, target `steadfast::audit`.
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Keeps what its actors know in this file: it is read now, and written every 30 s and at shutdown. Without it, an
    /// open breaker, a used quota and an idempotent result are forgotten when the process ends.
    pub fn snapshots(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.snapshots = Some(Arc::new(FileDisk(path.into())));
        self
    }

    /// The same on a disk of another sort.
    pub fn snapshots_on(mut self, disk: Arc<dyn Disk>) -> Self {
        self.snapshots = Some(disk);
        self
    }

    /// Reads this clock, which another runtime may read too: the times of both are then the same. Default: one of its
    /// own, [fast](Clock::fast) where its tokio runtime is multi-threaded, since that is never paused.
    pub fn clock(mut self, clock: Arc<Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Builds it and, unless it is isolated, installs it as the process's own. Its actors live on the tokio runtime
    /// that this is called on, or outside tokio on one background thread.
    ///
    /// # Errors
    /// Where another one is installed, or declarations, file or environment have mistakes: all of them at once. Where
    /// the file of saved states cannot be used.
    pub fn build(mut self) -> Result<Runtime, BuildError> {
        let (handle, background) = match Handle::try_current() {
            Ok(handle) => (handle, None),
            Err(_) => background()?,
        };
        let isolated = self.isolated;
        let variables = self.environment.take().unwrap_or_else(config::of_process);
        let layers = Layers::read(self.file.as_deref(), self.text.as_deref(), &variables)?;
        let auth = std::mem::take(&mut self.auth).check(&layers)?;
        #[cfg(feature = "http")]
        {
            self.http = self.http.check()?;
        }
        let snapshots = self.snapshots.take();
        let runtime = self.assemble(handle.clone(), layers, Some(auth), background);
        if !isolated {
            current::install(&runtime)?;
            let id = runtime.id();
            current::when_ended(&handle, move || current::uninstall(id));
        }
        let begun = match snapshots {
            // Before the plans: their actors are then asked by nobody who does not find what they knew.
            Some(disk) => runtime.keep_snapshots(disk),
            None => Ok(()),
        };
        begun
            .and_then(|()| Ok(runtime.plans().prepare(&runtime)?))
            .inspect_err(|_| current::uninstall(runtime.id()))?;
        Ok(runtime)
    }

    /// A runtime without file and environment, for who builds none.
    pub(super) fn make(self, handle: Handle) -> Runtime {
        self.assemble(handle, Layers::default(), None, None)
    }

    fn assemble(
        self,
        handle: Handle,
        layers: Layers,
        auth: Option<CheckedAuth>,
        background: Option<tokio_util::sync::DropGuard>,
    ) -> Runtime {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = self.name.unwrap_or_else(|| "steadfast".to_owned());
        let seed = self.seed.unwrap_or_else(|| {
            let seed = Entropy::system_seed();
            tracing::info!(runtime = name, seed, "seed taken from the operating system");
            seed
        });
        let own = || {
            // tokio cannot pause this one's time, and nobody else can either.
            let is_never_paused = handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread;
            let system = || if is_never_paused { Clock::fast() } else { Clock::system() };
            Arc::new(self.wall.map_or_else(system, Clock::starting_at))
        };
        let clock = self.clock.unwrap_or_else(own);
        #[cfg(test)]
        let coarse = self.coarse.then(|| Timers::new(handle.clone(), Arc::clone(&clock)));
        let has_listener = self.events.is_some();
        let events = self.events.unwrap_or_else(|| Arc::new(NoEvents));
        let ground = Ground::new(handle, seed, clock, events, self.options);
        let registry = Registry::new(ground);
        let authentication = auth.map(|auth| auth.start(&registry)).unwrap_or_default();
        Runtime {
            inner: Arc::new(Inner {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                name,
                registry,
                authentication,
                #[cfg(feature = "http")]
                http: self.http,
                #[cfg(feature = "http")]
                serving: Default::default(),
                plans: Plans::new(layers),
                audit: self.audit,
                snapshots: OnceLock::new(),
                calls: AtomicU64::new(0),
                in_flight: InFlight::new(),
                idle: Notify::new(),
                closing: AtomicBool::new(false),
                #[cfg(test)]
                coarse,
                has_listener,
                _background: background,
            }),
        }
    }
}

/// A tokio runtime on a thread of its own, which ends when the guard is dropped.
fn background() -> Result<(Handle, Option<tokio_util::sync::DropGuard>), std::io::Error> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let handle = tokio.handle().clone();
    let ended = CancellationToken::new();
    let wait = ended.clone();
    std::thread::Builder::new()
        .name("steadfast-actors".to_owned())
        .spawn(move || tokio.block_on(wait.cancelled()))?;
    Ok((handle, Some(ended.drop_guard())))
}
