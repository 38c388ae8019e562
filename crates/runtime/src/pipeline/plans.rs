use std::sync::Arc;

use dashmap::DashMap;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::nearest;

use super::linked::{Linked, linked, name_of};
use super::maker::{Budgets, Maker};
use super::once::Scopes;
use super::order::ORDER;
use super::plan::{Described, Plan};
use super::site::{Declaration, Site};
use crate::config::{ConfigError, Layers};
use crate::runtime::Runtime;

/// The plans of all sites in one runtime.
pub(crate) struct Plans {
    layers: Layers,
    /// By the address of the static site: one site has one plan in one runtime.
    known: DashMap<usize, Result<Arc<Plan>, Rejection>>,
    scopes: Scopes,
    budgets: Budgets,
}

impl Plans {
    pub(crate) fn new(layers: Layers) -> Self {
        Plans { layers, known: DashMap::new(), scopes: Scopes::default(), budgets: Budgets::default() }
    }

    /// The plan of `site`, made on its first call.
    pub(crate) fn of(&self, site: &'static Site, runtime: &Runtime) -> Result<Arc<Plan>, Rejection> {
        let address = std::ptr::from_ref(site) as usize;
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let made = self.of_site(site, runtime).map(Arc::new).map_err(|mistakes| {
            Rejection::misconfigured(name_of(site), ConfigError::new(mistakes).to_string())
        });
        self.known.entry(address).or_insert(made).clone()
    }

    /// The plan of the site that stands there, if it can work.
    #[cfg(feature = "http")]
    pub(crate) fn of_identity(
        &self,
        identity: &super::site::Identity,
        runtime: &Runtime,
    ) -> Option<Arc<Plan>> {
        self.of(super::linked::linked_at(identity)?.site, runtime).ok()
    }

    /// Makes the plans of all sites that the linker collected, so that every mistake is found before the first call.
    pub(crate) fn prepare(&self, runtime: &Runtime) -> Result<(), ConfigError> {
        let mut mistakes: Vec<String> = Vec::new();
        for Linked { site, .. } in linked() {
            if let Err(Rejection::Misconfigured { name, problem, .. }) = self.of(site, runtime) {
                mistakes.push(format!("{name}: {problem}"));
            }
        }
        for sentence in self.layers.unasked() {
            tracing::warn!("{sentence}");
        }
        mistakes.sort();
        if mistakes.is_empty() { Ok(()) } else { Err(ConfigError::new(mistakes)) }
    }

    fn of_site(&self, site: &'static Site, runtime: &Runtime) -> Result<Plan, Vec<String>> {
        let identity = site.identity();
        let path = identity.path();
        let name = name_of(site);
        let names = [identity.function, name.as_str(), path.as_str()];
        let mut made = self.make(&name, &names, site.declarations(), runtime);
        if let Ok(plan) = &mut made {
            plan.shown.sort_by_key(|shown| ORDER.iter().position(|known| known.name == shown.layer));
        }
        made.map_err(|mistakes| {
            let place = |mistake| format!("{}:{}: {mistake}", identity.file, identity.line);
            mistakes.into_iter().map(place).collect()
        })
    }

    /// A plan from declarations; `names` is what files may call it.
    pub(crate) fn make(
        &self,
        site: &str,
        names: &[&str],
        mut declarations: Vec<Declaration>,
        runtime: &Runtime,
    ) -> Result<Plan, Vec<String>> {
        let mut maker = Maker::new(&self.layers, runtime, site, names);
        // Gates of one list are passed in the canonical order, wherever their attributes stand.
        declarations.sort_by_key(|declaration| {
            let is = |layer: &super::order::Layer| layer.attributes.contains(&declaration.attribute.as_ref());
            ORDER.iter().position(is)
        });
        for declaration in declarations {
            maker.take(&declaration);
        }
        maker.finish(&self.budgets, &self.scopes)
    }

    /// The effective pipeline of the site that goes by `name`: its function's name while that is unique, or its path.
    ///
    /// # Errors
    /// A sentence with the candidates where no site, or more than one, goes by it.
    pub(crate) fn describe(&self, name: &str, runtime: &Runtime) -> Result<Described, String> {
        let goes_by_it = |linked: &&Linked| {
            let identity = linked.site.identity();
            identity.function == name || linked.name == name || identity.path() == name
        };
        let found: Vec<&Linked> = linked().iter().filter(goes_by_it).collect();
        let names = |sites: &[&Linked]| {
            sites.iter().map(|linked| linked.name.as_str()).collect::<Vec<&str>>().join(", ")
        };
        match found.as_slice() {
            [] => {
                let known: Vec<&Linked> = linked().iter().collect();
                let called = known.iter().flat_map(|linked| [linked.site.identity().function, &linked.name]);
                let near = nearest(name, called).map(|near| format!("; is {near:?} meant?"));
                let near = near.unwrap_or_default();
                Err(format!("no site is called {name:?}{near}; the sites are {}", names(&known)))
            }
            [one] => {
                let plan = self.of(one.site, runtime).map_err(|rejection| rejection.to_string())?;
                Ok(plan.described(runtime.grants()))
            }
            many => Err(format!("more than one site is called {name:?}: {}", names(many))),
        }
    }
}
