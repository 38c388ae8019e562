use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use steadfast_actors::breaker::BreakerConfig;
use steadfast_actors::clock::Entropy;
use steadfast_actors::declare::{AdaptiveTimeout, AuditLog, Fallback, Timeout, TimeoutCascade};
use steadfast_actors::limiter::LimiterConfig;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::{Problem, Settings, Value};

use super::gate::Gate;
use super::limits::{By, Limit};
use super::order::ORDER;
use super::plan::{Described, DescribedLayer, Plan, Retry};
use super::site::{Declaration, Enrolled, Site};
use crate::config::{ConfigError, Layers};
use crate::retry::{RetryBudget, RetryConfig};
use crate::runtime::Runtime;

/// The plans of all sites in one runtime.
pub(crate) struct Plans {
    layers: Layers,
    /// By the address of the static site: one site has one plan in one runtime.
    known: DashMap<usize, Result<Arc<Plan>, Rejection>>,
    budgets: Mutex<BTreeMap<String, Arc<Mutex<RetryBudget>>>>,
}

/// Blame for a dropped attempt needs this much time at least, where nothing says otherwise.
const BLAME_AFTER: Duration = Duration::from_secs(1);

/// A dropped attempt that ran as long as this was too slow, where nothing says otherwise.
const SLOW_AFTER: Duration = Duration::from_secs(5);

impl Plans {
    pub(crate) fn new(layers: Layers) -> Self {
        Plans { layers, known: DashMap::new(), budgets: Mutex::default() }
    }

    /// The plan of `site`, made on its first call.
    pub(crate) fn of(&self, site: &'static Site, runtime: &Runtime) -> Result<Arc<Plan>, Rejection> {
        let address = std::ptr::from_ref(site) as usize;
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let made = self.of_site(site, runtime).map(Arc::new).map_err(|mistakes| {
            Rejection::misconfigured(site.identity().path(), ConfigError::new(mistakes).to_string())
        });
        self.known.entry(address).or_insert(made).clone()
    }

    /// Makes the plans of all sites that the linker collected, so that every mistake is found before the first call.
    pub(crate) fn prepare(&self, runtime: &Runtime) -> Result<(), ConfigError> {
        let mut mistakes: Vec<String> = Vec::new();
        for site in sites() {
            if let Err(Rejection::Misconfigured { name, problem, .. }) = self.of(site, runtime) {
                mistakes.push(format!("{name}: {problem}"));
            }
        }
        mistakes.sort();
        if mistakes.is_empty() { Ok(()) } else { Err(ConfigError::new(mistakes)) }
    }

    fn of_site(&self, site: &'static Site, runtime: &Runtime) -> Result<Plan, Vec<String>> {
        let identity = site.identity();
        let path = identity.path();
        let mut made = self.make(&path, &[identity.function, path.as_str()], site.declarations(), runtime);
        if let Ok(plan) = &mut made {
            let rank = |layer: &DescribedLayer| ORDER.iter().position(|known| known.name == layer.layer);
            plan.described.sort_by_key(rank);
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
        let mut maker = Maker {
            plans: self,
            runtime,
            plan: Plan { site: site.to_owned(), ..Plan::default() },
            names,
            mistakes: Vec::new(),
            retry: None,
            budget_name: site.to_owned(),
            slow: None,
            limiters: 0,
        };
        // Gates of one list are passed in the canonical order, wherever their attributes stand.
        declarations.sort_by_key(|declaration| {
            let is = |layer: &super::order::Layer| layer.attributes.contains(&declaration.attribute.as_ref());
            ORDER.iter().position(is)
        });
        for declaration in declarations {
            maker.take(&declaration);
        }
        let mistakes = std::mem::take(&mut maker.mistakes);
        if mistakes.is_empty() { Ok(maker.finish()) } else { Err(mistakes) }
    }

    fn budget(&self, name: &str, config: &RetryConfig, runtime: &Runtime) -> Option<Arc<Mutex<RetryBudget>>> {
        let settings = *config.budget()?;
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Mutex::new(RetryBudget::new(settings, runtime.clock().now())));
        Some(Arc::clone(budgets.entry(name.to_owned()).or_insert_with(made)))
    }

    /// The effective pipeline of the site that goes by `name`: its function's name while that is unique, or its path.
    ///
    /// # Errors
    /// A sentence with the candidates where no site, or more than one, goes by it.
    pub(crate) fn describe(&self, name: &str, runtime: &Runtime) -> Result<Described, String> {
        let mut found: Vec<&'static Site> = sites()
            .filter(|site| site.identity().function == name || site.identity().path() == name)
            .collect();
        found.sort_by_key(|site| site.identity().path());
        match found.as_slice() {
            [] => {
                let mut known: Vec<String> = sites().map(|site| site.identity().path()).collect();
                known.sort();
                Err(format!("no site is called {name:?}; the sites are {}", known.join(", ")))
            }
            [site] => {
                let plan = self.of(site, runtime).map_err(|rejection| rejection.to_string())?;
                Ok(Described { site: plan.site.clone(), layers: plan.described.clone() })
            }
            many => {
                let paths: Vec<String> = many.iter().map(|site| site.identity().path()).collect();
                Err(format!("more than one site is called {name:?}: {}", paths.join(", ")))
            }
        }
    }
}

fn sites() -> impl Iterator<Item = &'static Site> {
    inventory::iter::<Enrolled>.into_iter().map(|enrolled| enrolled.0)
}

/// Turns declarations into one plan and keeps every mistake.
struct Maker<'a> {
    plans: &'a Plans,
    runtime: &'a Runtime,
    plan: Plan,
    names: &'a [&'a str],
    mistakes: Vec<String>,
    retry: Option<RetryConfig>,
    budget_name: String,
    slow: Option<Duration>,
    /// How many limiters were declared so far.
    limiters: usize,
}

impl Maker<'_> {
    fn take(&mut self, declaration: &Declaration) {
        let attribute = declaration.attribute.as_ref();
        let name = match declaration.settings.get("name") {
            Some(Value::Text(name)) => Some(name.clone()),
            _ => None,
        };
        let layers = &self.plans.layers;
        let settings = layers.over(declaration.settings.clone(), attribute, name.as_deref(), self.names);
        let origin = layers.origin(attribute, name.as_deref(), self.names);
        let origin =
            origin.map_or_else(|| "its attribute".to_owned(), |origin| format!("its attribute and {origin}"));
        match attribute {
            "circuit_breaker" => {
                self.breaker(name.as_deref().unwrap_or_default(), &settings, declaration.outside_retry);
            }
            "fallback" => self.plan.fallback = self.checked(attribute, Fallback::from_settings(&settings)),
            "timeout" => self.plan.timeout = self.checked(attribute, Timeout::from_settings(&settings)),
            "timeout_cascade" => {
                self.plan.cascade = self.checked(attribute, TimeoutCascade::from_settings(&settings));
            }
            "retry" => {
                // The attribute holds the function of a custom backoff, and passes it with each call.
                let placeholder: fn(u32) -> Duration = |_| Duration::ZERO;
                let function = settings.get("backoff").is_some().then_some(placeholder);
                let config = RetryConfig::from_settings_and_function(&settings, function);
                self.retry = self.checked(attribute, config);
            }
            "adaptive_timeout" => {
                self.plan.adaptive = self.checked(attribute, AdaptiveTimeout::from_settings(&settings));
            }
            "rate_limit" => self.limiter(name.as_deref(), &settings),
            "require_auth" => self.plan.require_auth = true,
            // The macros hold the type and the route; there is nothing to keep of them here.
            "validate" | "service_method" => {}
            "audit_log" => self.plan.audit = self.checked(attribute, AuditLog::from_settings(&settings)),
            "metrics" => self.plan.metrics = true,
            "degrade_gracefully" => self.plan.degrades = true,
            other => self.mistakes.push(format!("`{other}` is not known to this runtime")),
        }
        self.describe(attribute, &settings, &origin);
    }

    fn describe(&mut self, attribute: &str, settings: &Settings, from: &str) {
        let layer = ORDER.iter().find(|layer| layer.attributes.contains(&attribute));
        let layer = layer.map_or(attribute, |layer| layer.name).to_owned();
        let settings = if settings.is_empty() { "defaults".to_owned() } else { settings.to_string() };
        self.plan.described.push(DescribedLayer { layer, settings, from: from.to_owned() });
    }

    fn checked<T>(&mut self, attribute: &str, result: Result<T, Vec<Problem>>) -> Option<T> {
        result
            .map_err(|problems| {
                self.mistakes.extend(problems.iter().map(|problem| format!("{attribute}: {problem}")));
            })
            .ok()
    }

    fn breaker(&mut self, name: &str, settings: &Settings, outside_retry: bool) {
        let Some(config) = self.checked("circuit_breaker", BreakerConfig::from_settings(settings)) else {
            return;
        };
        if let Some(limit) = config.slow_call_duration() {
            self.slow = Some(limit);
        }
        self.budget_name = name.to_owned();
        match self.runtime.registry().declare_breaker(name, config, &self.plan.site) {
            Ok(handle) if outside_retry => self.plan.call_gates.push(Gate::Breaker(handle)),
            Ok(handle) => self.plan.gates.push(Gate::Breaker(handle)),
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    fn limiter(&mut self, name: Option<&str>, settings: &Settings) {
        let occurrence = self.limiters;
        self.limiters += 1;
        let Some(config) = self.checked("rate_limit", LimiterConfig::from_settings(settings)) else { return };
        // The first one is the site's, further ones are told apart by their place.
        let unnamed = match occurrence {
            0 => self.plan.site.clone(),
            _ => format!("{}#{}", self.plan.site, occurrence + 1),
        };
        let by = By::parse(config.by());
        match self.runtime.registry().declare_limiter(name.unwrap_or(&unnamed), config, &self.plan.site) {
            Ok(handle) => {
                let limits = if by.stands_before_authentication() {
                    &mut self.plan.limits_before
                } else {
                    &mut self.plan.limits_after
                };
                limits.push(Limit { handle, by, occurrence });
            }
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    fn finish(mut self) -> Plan {
        if let Some(config) = self.retry.take() {
            let budget = self.plans.budget(&self.budget_name, &config, self.runtime);
            let seed = self.runtime.ground().seed();
            let entropy = Entropy::new(seed, &format!("retry/{}", self.plan.site));
            self.plan.retry = Some(Retry { config, budget, entropy: Arc::new(Mutex::new(entropy)) });
        }
        let slow = self.slow;
        self.plan.slow_after = slow.unwrap_or(SLOW_AFTER);
        let declared = self.plan.timeout;
        let least = [
            declared.and_then(|timeout| timeout.per_attempt),
            declared.and_then(|timeout| timeout.total),
            slow,
            Some(BLAME_AFTER),
        ];
        self.plan.blame_after = least.into_iter().flatten().min().unwrap_or(BLAME_AFTER);
        self.plan
    }
}
