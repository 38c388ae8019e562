use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::{AdaptiveInput, AdaptiveMachine, AdaptiveStatus, AdaptiveTimeout};
use crate::host::{AskError, Hosted};
use crate::outcome::{Ending, Outcome};
use crate::rejection::Rejection;
use crate::settings::{Mode, OnUnavailable};

/// One adaptive timeout, for code that uses it without a macro. Cheap to clone; all clones are the same one.
///
/// # Example
/// ```no_run
/// # use steadfast_actors::adaptive::timeout::AdaptiveHandle;
/// # use steadfast_actors::outcome::{Ending, Outcome};
/// # async fn call() {}
/// # async fn example(learned: AdaptiveHandle) {
/// let (limit, begun) = (learned.limit(false), learned.hosted().now());
/// let ending = match tokio::time::timeout(limit, call()).await {
///     Ok(()) => Ending::Success,
///     Err(_) => Ending::TimedOut,
/// };
/// learned.ended(limit, Outcome { ending, latency: learned.hosted().now().since(begun) });
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<AdaptiveMachine>>,
    config: AdaptiveTimeout,
    /// The load that the actor was told last.
    busy: AtomicU32,
    /// Attempts that observe mode would have cut.
    would_cut: AtomicU64,
}

impl AdaptiveHandle {
    /// The handle of a hosted adaptive timeout.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<AdaptiveMachine>>, config: AdaptiveTimeout) -> Self {
        let (busy, would_cut) = (AtomicU32::new(0), AtomicU64::new(0));
        AdaptiveHandle { shared: Arc::new(Shared { hosted, config, busy, would_cut }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// What it has learned, as last published.
    #[must_use]
    pub fn status(&self) -> AdaptiveStatus {
        self.shared.hosted.status()
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &AdaptiveTimeout {
        &self.shared.config
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<AdaptiveMachine>> {
        &self.shared.hosted
    }

    /// How many attempts observe mode let run on that it would have cut.
    #[must_use]
    pub fn would_cut(&self) -> u64 {
        self.shared.would_cut.load(Ordering::Relaxed)
    }

    /// How long an attempt may take that begins now; a probe of the dependency's breaker gets the base at least.
    #[must_use]
    pub fn limit(&self, probe: bool) -> Duration {
        self.status().limit(self.shared.hosted.wall(), probe)
    }

    /// The same for a call of a site; `None` where nothing is to be cut.
    ///
    /// # Errors
    /// [`Rejection::Unavailable`] where its actor is left alone and the site is declared to reject calls then.
    pub fn begin(&self, probe: bool) -> Result<Option<Duration>, Rejection> {
        let Shared { hosted, config, .. } = &*self.shared;
        if config.mode == Mode::Off {
            return Ok(None);
        }
        if config.on_unavailable == OnUnavailable::Reject
            && config.mode == Mode::Enforce
            && let Some(rest) = hosted.failed_for()
        {
            return Err(AskError::Failed(rest).rejection(hosted.kind(), hosted.name_kept()));
        }
        Ok(Some(self.limit(probe)))
    }

    /// Notes how an attempt ended that had `limit`. Never waits and never fails.
    pub fn ended(&self, limit: Duration, outcome: Outcome) {
        let Shared { hosted, config, busy, would_cut } = &*self.shared;
        let Outcome { ending, latency } = outcome;
        let outlasted = latency >= limit;
        if config.mode == Mode::Observe && outlasted {
            would_cut.fetch_add(1, Ordering::Relaxed);
        }
        let input = match ending {
            Ending::Success => AdaptiveInput::Succeeded { latency, ended: hosted.now() },
            Ending::TimedOut if outlasted => AdaptiveInput::Cut { limit },
            _ => return,
        };
        if let Some(reading) = hosted.load()
            && busy.swap(reading, Ordering::Relaxed) != reading
        {
            hosted.learn(AdaptiveInput::Load { busy: reading });
        }
        hosted.learn(input);
    }
}
