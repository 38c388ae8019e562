//! The names of what learns, and of what acts on load.

use super::{Registry, alike};
use crate::adaptive::brownout::{BrownoutHandle, DegradeGracefully};
use crate::adaptive::hedge::{Hedge, HedgeHandle};
use crate::adaptive::timeout::{AdaptiveHandle, AdaptiveTimeout};
use crate::machine::Kind;
use crate::rejection::Rejection;
use crate::shed::{Shed, ShedHandle};

impl Registry {
    /// The hedge of that name, if one was declared.
    #[must_use]
    pub fn hedge(&self, name: &str) -> Option<HedgeHandle> {
        self.hedges.get(name).map(|declared| declared.handle.clone())
    }

    /// The hedge of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_hedge(&self, name: &str, config: Hedge, by: &str) -> Result<HedgeHandle, Rejection> {
        self.declare(&self.hedges, Kind::Hedge, name, config, by, HedgeHandle::new, |declared, config, _| {
            alike(declared.handle.config(), config)
        })
    }

    /// The adaptive timeout of that name, if one was declared.
    #[must_use]
    pub fn adaptive(&self, name: &str) -> Option<AdaptiveHandle> {
        self.adaptive.get(name).map(|declared| declared.handle.clone())
    }

    /// The adaptive timeout of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_adaptive(
        &self,
        name: &str,
        config: AdaptiveTimeout,
        by: &str,
    ) -> Result<AdaptiveHandle, Rejection> {
        self.declare(
            &self.adaptive,
            Kind::Adaptive,
            name,
            config,
            by,
            AdaptiveHandle::new,
            |declared, config, _| alike(declared.handle.config(), config),
        )
    }

    /// The shedder of that name, if one was declared.
    #[must_use]
    pub fn shed(&self, name: &str) -> Option<ShedHandle> {
        self.shedders.get(name).map(|declared| declared.handle.clone())
    }

    /// The shedder of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_shed(&self, name: &str, config: Shed, by: &str) -> Result<ShedHandle, Rejection> {
        self.declare(&self.shedders, Kind::Shed, name, config, by, ShedHandle::new, |declared, config, _| {
            alike(declared.handle.config(), config)
        })
    }

    /// The brown-out controller of that name, if one was declared.
    #[must_use]
    pub fn brownout(&self, name: &str) -> Option<BrownoutHandle> {
        self.brownouts.get(name).map(|declared| declared.handle.clone())
    }

    /// The brown-out controller of that name, created where it does not exist yet. `by` says who declares it.
    ///
    /// # Errors
    /// As [`declare_breaker`](Registry::declare_breaker).
    pub fn declare_brownout(
        &self,
        name: &str,
        config: DegradeGracefully,
        by: &str,
    ) -> Result<BrownoutHandle, Rejection> {
        self.declare(
            &self.brownouts,
            Kind::Brownout,
            name,
            config,
            by,
            BrownoutHandle::new,
            |declared, config, _| alike(declared.handle.config(), config),
        )
    }
}
