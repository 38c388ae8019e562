//! What is down while a handler runs anyway.
//!
//! A handler with `#[degrade_gracefully]` runs even when its breaker is open or its pool is full. It asks
//! [`Degradation::current`] what it has to do without, and puts what it can do without into
//! [`Degradation::optional`]. An answer from which something was left out is marked as degraded.

use std::future::Future;
use std::sync::Arc;

use steadfast_actors::rejection::{Rejection, RejectionKind};

use crate::pipeline::Call;

/// What the present call has to do without.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Degradation {
    down: Vec<Rejection>,
    optional_off: bool,
}

impl Degradation {
    /// That of the innermost annotated call around this code; nothing is down outside of one.
    #[must_use]
    pub fn current() -> Degradation {
        Call::current().map(|call| call.degradation()).unwrap_or_default()
    }

    pub(crate) fn new(down: Vec<Rejection>, optional_off: bool) -> Self {
        Degradation { down, optional_off }
    }

    /// Whether anything is down.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.down.is_empty()
    }

    /// The refusals under which the handler runs anyway.
    #[must_use]
    pub fn down(&self) -> &[Rejection] {
        &self.down
    }

    /// Whether the breaker or pool of that name refuses.
    #[must_use]
    pub fn is_down(&self, name: &str) -> bool {
        self.down.iter().any(|rejection| rejection.name() == name)
    }

    /// Whether optional parts are switched off: the pool is full, or load is being shed.
    #[must_use]
    pub fn optional_parts_are_off(&self) -> bool {
        self.optional_off
    }

    /// Runs a part that the answer can do without. `None` where it failed, or is switched off under stress; the answer
    /// is then marked as degraded. Under stress parts of a higher `order` are switched off first.
    ///
    /// # Cancel safety
    /// That of `future`.
    pub async fn optional<T, E>(
        name: &str,
        order: u32,
        future: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let call = Call::current();
        let is_off = |call: &Arc<Call>| call.degradation().optional_off || !call.allows(order, name);
        if call.as_ref().is_some_and(is_off) {
            tracing::debug!(part = name, order, "left out");
        } else if let Ok(value) = future.await {
            return Some(value);
        }
        if let Some(call) = call {
            call.note_degraded();
        }
        None
    }
}

/// Whether a refusal of this kind is one that a handler with `degrade_gracefully` runs in spite of.
pub(crate) fn runs_in_spite_of(kind: RejectionKind) -> bool {
    matches!(kind, RejectionKind::Open | RejectionKind::Full | RejectionKind::Shed)
}
