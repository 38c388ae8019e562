use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_actors::bulkhead::{BulkheadHandle, PoolKind};

use super::house::House;
use super::invariants::{Invariants, Rule};
use super::measures::Measures;
use crate::world::About;

/// A pool of permits and the bodies that run under it, counted apart from its own books.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) handle: BulkheadHandle,
    pub(crate) throttle: bool,
    /// Its place among the measures.
    pub(crate) measured: usize,
    running: AtomicU64,
}

impl Pool {
    pub(crate) fn new(handle: BulkheadHandle, throttle: bool, measured: usize) -> Self {
        Pool { handle, throttle, measured, running: AtomicU64::new(0) }
    }

    /// Measures how many permits are out, of how many.
    pub(crate) fn look(&self, at: u64, measures: &mut Measures) {
        let status = self.handle.status();
        measures.pools[self.measured].looked(at, status.in_use, status.capacity);
    }

    /// Memory is counted in bytes, which a simulated body does not say.
    fn counts_bodies(&self) -> bool {
        self.handle.config().kind() != PoolKind::Memory
    }

    fn enter(&self, invariants: &mut Invariants) {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        let config = self.handle.config();
        let most = config.capacity() + config.lane();
        // Permits of an adaptive pool may be more than it started with.
        let bounded = self.counts_bodies() && config.adaptive().is_none();
        invariants.check(Rule::Permits, !bounded || running <= most, || {
            format!("{running} run under {} of at most {most}", self.handle.name())
        });
    }

    fn leave(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// With everything at rest, exactly the bodies that run hold permits; a throttle's are also held between attempts.
    pub(crate) fn check_at_rest(&self, invariants: &mut Invariants) {
        let running = self.running.load(Ordering::Relaxed);
        let status = self.handle.status();
        let held = self.handle.in_use() + status.lane_in_use;
        let holds = if self.throttle { held >= running } else { held == running };
        invariants.check(Rule::Permits, !self.counts_bodies() || holds, || {
            format!("{running} bodies run under {} and {held} permits are out", self.handle.name())
        });
    }
}

/// One attempt while it runs.
pub(crate) struct Running {
    house: Arc<House>,
    index: usize,
    key: u64,
    entered: Vec<usize>,
    pub(crate) succeeded: bool,
}

impl Running {
    pub(crate) fn begin(house: &Arc<House>, index: usize, call: u64, about: &mut About) -> Option<Self> {
        let handler = &house.handlers[index];
        if handler.pools.is_empty() && handler.once.is_none() {
            return None;
        }
        let mut record = house.recorder.record();
        let record = &mut *record;
        let mut entered = Vec::new();
        let now = if handler.pools.is_empty() { 0 } else { house.clock.now().as_nanos() };
        for pool in &handler.pools {
            // A call around this one holds a permit already, which is enough for both.
            let bit = 1u64.checked_shl(u32::try_from(*pool).unwrap_or(u32::MAX)).unwrap_or(0);
            if about.held & bit == 0 {
                about.held |= bit;
                house.pools[*pool].enter(&mut record.invariants);
                let permits = &house.pools[*pool];
                record.measures.pools[permits.measured].raised(now, permits.handle.in_use());
                entered.push(*pool);
            }
        }
        if let Some(once) = handler.once {
            let now = house.clock.wall().as_nanos();
            record.invariants.run_begins(now, index, about.key, call, once);
        }
        Some(Running { house: Arc::clone(house), index, key: about.key, entered, succeeded: false })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pool in &self.entered {
            self.house.pools[*pool].leave();
        }
        if self.house.handlers[self.index].once.is_some() {
            let now = self.house.clock.wall().as_nanos();
            let mut record = self.house.recorder.record();
            record.invariants.run_ends(now, self.index, self.key, self.succeeded);
        }
    }
}
