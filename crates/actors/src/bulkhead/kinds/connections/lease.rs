use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::idle::Opened;
use super::pool::{Connections, Place};
use crate::bulkhead::SharedPermit;
use crate::bulkhead::kinds::is_cutting;

/// A connection on loan. Dropped it goes back, if it is sound, and its permit after it.
#[must_use = "a lease that is dropped at once gives its connection back"]
pub struct Lease<C: Send + 'static> {
    /// `None` once it was discarded.
    opened: Option<Opened<C>>,
    place: Place<C>,
    _turn: OwnedSemaphorePermit,
    /// Given back last: whoever is granted it finds the connection idle, or room for one.
    _permit: SharedPermit,
}

impl<C: Send + 'static> Lease<C> {
    pub(super) fn new(
        opened: Opened<C>,
        place: Place<C>,
        turn: OwnedSemaphorePermit,
        permit: SharedPermit,
    ) -> Self {
        Lease { opened: Some(opened), place, _turn: turn, _permit: permit }
    }

    /// Closes it: after a request that was left half-way, nobody may read the rest of its answer.
    pub fn discard(mut self) {
        self.opened = None;
    }

    fn pool(&self) -> &Arc<Connections<C>> {
        self.place.pool()
    }
}

/// Only [`Lease::discard`], which takes the lease, leaves it without a connection.
const LENT: &str = "a lease has its connection until it is dropped";

impl<C: Send + 'static> Deref for Lease<C> {
    type Target = C;

    #[expect(clippy::expect_used, reason = "a lease that was discarded is gone")]
    fn deref(&self) -> &C {
        &self.opened.as_ref().expect(LENT).connection
    }
}

impl<C: Send + 'static> DerefMut for Lease<C> {
    #[expect(clippy::expect_used, reason = "a lease that was discarded is gone")]
    fn deref_mut(&mut self) -> &mut C {
        &mut self.opened.as_mut().expect(LENT).connection
    }
}

impl<C: Send + 'static> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("pool", self.pool()).finish_non_exhaustive()
    }
}

impl<C: Send + 'static> Drop for Lease<C> {
    fn drop(&mut self) {
        let Some(opened) = self.opened.take() else { return };
        // An answer may still be on its way to a handler that was cut.
        if !is_cutting() && !std::thread::panicking() {
            self.place.put_back(opened);
        }
    }
}
