//! The runtime: a registry of actors, a clock, a seed, and the settings that were laid over the declarations.
//!
//! | where an annotated call looks for its runtime | set by |
//! |---|---|
//! | 1. this thread | [`Runtime::enter`], for tests |
//! | 2. this task | [`Runtime::scope`], and `serve` |
//! | 3. the process | [`RuntimeBuilder::build`] without `.isolated()` |
//! | 4. this tokio runtime | nobody: made on the first call, gone with that tokio runtime |

mod builder;
mod current;
mod flight;
mod keep;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use steadfast_actors::clock::Clock;
use steadfast_actors::host::Ground;
use steadfast_actors::registry::Registry;
use tokio::sync::Notify;

pub use builder::{BuildError, RuntimeBuilder};
pub use current::Entered;
pub(crate) use current::{current_id, ended};
use flight::InFlight;
pub(crate) use flight::Place;
pub use steadfast_actors::settings::Grants;

use crate::deadline::timer::Timers;
use crate::observe::Audit;
use crate::pipeline::{Described, Plans};
use crate::service::auth::Authentication;
use crate::snapshots::Snapshots;

/// A runtime; cheap to clone, all clones are the same one.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    id: u64,
    name: String,
    registry: Registry,
    authentication: Authentication,
    #[cfg(feature = "http")]
    http: crate::service::http::HttpOptions,
    #[cfg(feature = "http")]
    serving: crate::service::http::Serving,
    plans: Plans,
    audit: Option<Audit>,
    snapshots: OnceLock<Snapshots>,
    calls: AtomicU64,
    in_flight: InFlight,
    idle: Notify,
    closing: AtomicBool,
    /// The ends of its waiting calls, where a test wants them on a table under a clock that is no fast one.
    #[cfg(test)]
    coarse: Option<Timers>,
    /// Whether anybody was named to listen to events.
    has_listener: bool,
    /// Ends the background thread of a runtime that was built outside tokio.
    _background: Option<tokio_util::sync::DropGuard>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Configures a runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Its name, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// A number that no other runtime of this process has.
    #[must_use]
    #[inline]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Its actors by kind and name.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The ground that its actors stand on: clock, seed, events.
    #[must_use]
    #[inline]
    pub fn ground(&self) -> &Arc<Ground> {
        self.inner.registry.ground()
    }

    /// Its clock.
    #[must_use]
    #[inline]
    pub fn clock(&self) -> &Arc<Clock> {
        self.ground().clock()
    }

    /// Whether anybody listens to events.
    #[inline]
    pub(crate) fn is_recording(&self) -> bool {
        self.inner.has_listener && self.ground().events().is_recording()
    }

    /// Its audit trail, where one was set.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        self.inner.audit.as_ref()
    }

    pub(crate) fn authentication(&self) -> &Authentication {
        &self.inner.authentication
    }

    #[cfg(feature = "http")]
    pub(crate) fn http_options(&self) -> &crate::service::http::HttpOptions {
        &self.inner.http
    }

    #[cfg(feature = "http")]
    pub(crate) fn connections(&self) -> &crate::service::http::Serving {
        &self.inner.serving
    }

    pub(crate) fn plans(&self) -> &Plans {
        &self.inner.plans
    }

    /// How callers get what they need of its actors, where a name has no `grants` of its own.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.registry().ground().options().grants
    }

    /// The effective pipeline of the site that goes by `name`, outermost layer first.
    ///
    /// # Errors
    /// A sentence with the candidates where no site, or more than one, goes by that name.
    pub fn describe(&self, name: &str) -> Result<Described, String> {
        self.plans().describe(name, self)
    }

    /// Counts a call, until its [end](Runtime::end). Whether it may begin is to be asked after that, so that a shutdown
    /// that saw no calls really has none.
    #[inline]
    pub(crate) fn begin(&self) -> Place {
        self.inner.in_flight.add()
    }

    /// What bounds its waiting calls; where there is none, tokio's timers do.
    #[inline]
    pub(crate) fn timers(&self) -> Option<&Timers> {
        #[cfg(test)]
        if self.inner.coarse.is_some() {
            return self.inner.coarse.as_ref();
        }
        self.ground().timers()
    }

    /// Whether a call that was counted may begin: it may not while the runtime shuts down.
    #[inline]
    pub(crate) fn may_begin(&self) -> bool {
        !self.inner.closing.load(Ordering::SeqCst)
    }

    /// Notes that a call that was counted there has been answered.
    #[inline]
    pub(crate) fn end(&self, place: Place) {
        self.inner.in_flight.remove(place);
        // Counted before the look here, too: either this sees the shutdown, or the shutdown sees one call less.
        if self.inner.closing.load(Ordering::SeqCst) {
            self.inner.idle.notify_waiters();
        }
    }

    /// The number of a call, for its events.
    pub(crate) fn number_call(&self) -> u64 {
        self.inner.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Calls in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.in_flight.count()
    }

    /// Whether [`shutdown`](Runtime::shutdown) was called.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.inner.closing.load(Ordering::Acquire)
    }

    /// Stops admission, waits at most `grace` for calls in flight, then stops the actors and saves what they
    /// know. The process's place for a runtime is free afterwards. Returns whether every call had ended in time.
    ///
    /// # Cancel safety
    /// Admission stays stopped; call it again to go on.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.inner.closing.store(true, Ordering::SeqCst);
        #[cfg(feature = "http")]
        self.connections().close();
        let drained = async {
            loop {
                let idle = self.inner.idle.notified();
                if self.in_flight() == 0 {
                    break;
                }
                idle.await;
            }
            #[cfg(feature = "http")]
            self.connections().drained().await;
        };
        let ended = tokio::time::timeout(grace, drained).await.is_ok();
        #[cfg(feature = "http")]
        self.connections().stop();
        self.inner.registry.stop().await;
        self.save_for_good().await;
        if let Some(audit) = self.audit() {
            audit.flush();
        }
        current::uninstall(self.id());
        ended
    }
}
