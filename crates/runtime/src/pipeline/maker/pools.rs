//! Bulkheads and throttles.

use std::time::Duration;

use steadfast_actors::bulkhead::{BulkheadConfig, BulkheadPriority, Priority};
use steadfast_actors::settings::{Settings, Value};

use super::Maker;
use crate::pipeline::gate::Gate;
use crate::pipeline::linked::linked;
use crate::pipeline::plan::{Shown, Words};
use crate::pipeline::pool::PoolGate;
use crate::pipeline::site::Declaration;
use crate::retry::RetryConfig;

/// A class, and whether it may take the permit of a lower one.
type Class = (Priority, bool);

impl Maker<'_> {
    pub(super) fn bulkhead(&mut self, name: &str, settings: &Settings, outside_retry: bool) {
        if let Some(config) = self.checked("bulkhead", BulkheadConfig::from_settings(settings)) {
            self.pool(name, config, None, settings, outside_retry);
        }
    }

    /// A site's class in a pool, whose own settings a file may say under `bulkhead`.
    pub(super) fn priority(&mut self, name: &str, settings: &Settings, outside_retry: bool) {
        let Some(declared) = self.checked("bulkhead_priority", BulkheadPriority::from_settings(settings))
        else {
            return;
        };
        let said = self.layers.over(Settings::new().with("name", name), "bulkhead", Some(name), self.names);
        let Some(pool) = self.checked("bulkhead", BulkheadConfig::from_settings(&said)) else { return };
        let class = (declared.priority, declared.preempt);
        match declared.pool.merged(pool) {
            Ok(config) => self.pool(name, config, Some(class), settings, outside_retry),
            Err(key) => self.mistakes.push(format!(
                "bulkhead_priority: `{key}`: it contradicts what is laid over the bulkhead {name:?}"
            )),
        }
    }

    fn pool(
        &mut self,
        name: &str,
        config: BulkheadConfig,
        class: Option<Class>,
        settings: &Settings,
        outside_retry: bool,
    ) {
        // Whoever calls first: who holds a permit must be known of before the first one is to be taken away.
        let preempts = class.is_some_and(|(_, preempts)| preempts) || some_linked_site_preempts(name);
        let config = if preempts { config.with_preemption() } else { config };
        // So that it has one capacity whoever calls first, too.
        let read = |settings: &Settings| BulkheadConfig::from_settings(settings).ok();
        let same = |other: &Declaration| other.settings.text("name") == Some(name);
        let handle = self.declared("bulkhead", same, read, config, |registry, config, site| {
            registry.declare_bulkhead(name, config, site)
        });
        let Some(handle) = handle else { return };
        let (priority, preempts) = class.unwrap_or_default();
        let mut gate = PoolGate { handle, priority, preempts, weighs: settings.get("cost").is_some() };
        // `bulkhead` and `bulkhead_priority` of one name are one layer.
        let gates = if outside_retry { &mut self.plan.call_gates } else { &mut self.plan.gates };
        let known = gates.iter_mut().find_map(|known| match known {
            Gate::Pool(known) if known.handle.name() == name => Some(known),
            _ => None,
        });
        if let Some(known) = known {
            gate.weighs |= known.weighs;
            if class.is_none() {
                (gate.priority, gate.preempts) = (known.priority, known.preempts);
            }
            *known = gate.clone();
            let is_it = |shown: &&mut Shown| {
                let pool = matches!(&shown.words, Words::Pool(known) if known.handle.name() == name);
                pool && shown.layer == "bulkhead"
            };
            if let Some(shown) = self.plan.shown.iter_mut().find(is_it) {
                shown.words = Words::Pool(gate);
            }
            return;
        }
        gates.push(Gate::Pool(gate.clone()));
        self.shown("bulkhead", Words::Pool(gate));
    }

    pub(super) fn throttle(&mut self, name: Option<&str>, settings: &Settings) {
        let Some(config) = self.checked("throttle", BulkheadConfig::from_throttle(settings)) else { return };
        let site = self.plan.site.clone();
        // Nobody else means a throttle that has its name from this very site.
        let same = |other: &Declaration| name.is_some() && other.settings.text("name") == name;
        let read = |settings: &Settings| BulkheadConfig::from_throttle(settings).ok();
        let handle = self.declared("throttle", same, read, config, |registry, config, declared_by| {
            registry.declare_throttle(name.unwrap_or(&site), config, declared_by)
        });
        if let Some(handle) = handle {
            let gate = PoolGate { handle, priority: Priority::Normal, preempts: false, weighs: false };
            self.shown("throttle", Words::Pool(gate.clone()));
            self.plan.call_gates.push(Gate::Pool(gate));
        }
    }

    /// A throttle bounds calls with their backoffs: where these may be longer than its line is patient, a slow spell of
    /// one dependency turns callers away who would have been served.
    pub(super) fn warn_of_a_throttle_held_through_backoffs(&self, config: &RetryConfig) {
        // What a hundred runs wait is beyond any patience.
        let runs = config.attempts().min(100);
        let worst =
            (1..runs).map(|run| config.backoff().bound(run)).fold(Duration::ZERO, Duration::saturating_add);
        for gate in &self.plan.call_gates {
            if let Gate::Pool(PoolGate { handle: throttle, .. }) = gate
                && worst > throttle.config().max_wait()
            {
                tracing::warn!(
                    site = self.plan.site,
                    throttle = throttle.name(),
                    backoffs = ?worst,
                    max_wait = ?throttle.config().max_wait(),
                    "its throttle is held through backoffs that are longer than its callers wait for it"
                );
            }
        }
    }
}

fn some_linked_site_preempts(name: &str) -> bool {
    let mut declarations = linked().iter().flat_map(|linked| &linked.declarations);
    declarations.any(|declaration| {
        declaration.attribute == "bulkhead_priority"
            && declaration.settings.text("name") == Some(name)
            && declaration.settings.get("preempt") == Some(&Value::Flag(true))
    })
}
