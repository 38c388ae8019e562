//! What permits that were taken in advance are given back to.
//!
//! A permit refers to its pool for as long as it is held. Counted as references are, that would cost as much as the permit
//! itself: two more changes of a word that all callers share. But the word that says how many are out counts them already, so
//! it is what decides how long this lasts: until its pool is gone and the last permit came back ([why](crate::gate)). It is
//! then the next pool's. So there are as many of these as there ever were pools at once, and none is freed.

#![cfg_attr(not(feature = "host"), allow(dead_code, reason = "without actors nobody takes what they grant"))]

#[cfg(feature = "host")]
use std::sync::Weak;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "host")]
use super::BulkheadHandle;
#[cfg(feature = "host")]
use super::handle::Shared;
#[cfg(feature = "host")]
use crate::gate::Back;
use crate::gate::Permits;
use crate::gate::cell::{AtomicU64, Ordering};

/// Padded: whoever takes a permit writes it, and what pools have besides is read.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Lasting {
    pub(super) permits: Permits,
    /// One where permits came back that somebody waits for, until the actor hears of it.
    returned: AtomicU64,
    /// Whose it is. Whoever waits for a permit has its pool, so that one that nobody has need not hear of any.
    #[cfg(feature = "host")]
    pool: Mutex<Weak<Shared>>,
}

/// Those that nobody refers to.
static FREE: Mutex<Vec<&'static Lasting>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lasting {
    fn free(&'static self) {
        self.permits.begin_anew();
        self.returned.store(0, Ordering::Relaxed);
        lock(&FREE).push(self);
    }

    /// Whether permits came back that somebody waited for, since this was asked last.
    pub(super) fn take_returned(&self) -> bool {
        self.returned.load(Ordering::Acquire) == 1 && self.returned.swap(0, Ordering::AcqRel) == 1
    }
}

/// One, as its pool has it.
#[derive(Debug)]
pub(super) struct Owned(&'static Lasting);

impl Owned {
    pub(super) fn new() -> Self {
        let free = lock(&FREE).pop();
        Owned(free.unwrap_or_else(|| {
            Box::leak(Box::new(Lasting {
                permits: Permits::new(),
                returned: AtomicU64::new(0),
                #[cfg(feature = "host")]
                pool: Mutex::default(),
            }))
        }))
    }

    #[inline]
    pub(super) fn get(&self) -> &'static Lasting {
        self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.0.permits.end() {
            self.0.free();
        }
    }
}

#[cfg(feature = "host")]
impl Lasting {
    /// Says whose it is.
    pub(super) fn belongs_to(&self, pool: &std::sync::Arc<Shared>) {
        *lock(&self.pool) = std::sync::Arc::downgrade(pool);
    }

    /// Whose it is; `None` where nobody has that any more.
    pub(super) fn pool(&self) -> Option<BulkheadHandle> {
        lock(&self.pool).upgrade().map(|shared| BulkheadHandle { shared })
    }

    /// Gives `weight` permits back.
    #[inline]
    pub(super) fn give_back(&'static self, weight: u64) {
        match self.permits.give_back(weight) {
            Back::Unawaited => {}
            Back::Awaited => self.poke(),
            Back::Last => self.free(),
        }
    }

    /// Somebody may wait for what came back.
    #[cold]
    #[inline(never)]
    fn poke(&self) {
        self.returned.store(1, Ordering::Release);
        if let Some(pool) = self.pool() {
            pool.hosted().poke();
        }
    }
}
