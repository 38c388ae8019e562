use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast_actors::breaker::BreakerConfig;
use steadfast_actors::bulkhead::Priority;
use steadfast_actors::clock::Entropy;
use steadfast_actors::declare::{
    AdaptiveTimeout, AuditLog, AuditOnFull, DegradeGracefully, Fallback, Hedge, ServiceMethod, Shed, Timeout,
    TimeoutCascade,
};
use steadfast_actors::idempotency::{Idempotent, Scope};
use steadfast_actors::limiter::LimiterConfig;
use steadfast_actors::registry::Registry;
use steadfast_actors::rejection::Rejection;
use steadfast_actors::settings::{Mode, Problem, Settings, format_duration};

mod budgets;
mod pools;

use super::gate::Gate;
use super::limits::{By, Limit};
use super::linked::linked;
use super::once::{Once, Scopes};
use super::plan::{Hedging, Plan, Retry, Shown, Words};
use super::site::Declaration;
use crate::config::Layers;
use crate::observe::Metered;
use crate::retry::RetryConfig;
use crate::runtime::Runtime;
use budgets::Budget;
pub(super) use budgets::Budgets;

/// Blame for a dropped attempt needs this much time at least, where nothing says otherwise.
const BLAME_AFTER: Duration = Duration::from_secs(1);

/// A dropped attempt that ran as long as this was too slow, where nothing says otherwise.
const SLOW_AFTER: Duration = Duration::from_secs(5);

/// Turns declarations into one plan and keeps every mistake.
pub(super) struct Maker<'a> {
    layers: &'a Layers,
    runtime: &'a Runtime,
    plan: Plan,
    names: &'a [&'a str],
    mistakes: Vec<String>,
    retry: Option<RetryConfig>,
    hedge: Option<Hedge>,
    shed: Option<Shed>,
    budget: Budget,
    slow: Option<Duration>,
    /// How many limiters were declared so far.
    limiters: usize,
    route: Option<String>,
    idempotent: Option<Idempotent>,
    /// Where the settings of the present declaration come from.
    origin: String,
}

impl<'a> Maker<'a> {
    pub(super) fn new(layers: &'a Layers, runtime: &'a Runtime, site: &str, names: &'a [&'a str]) -> Self {
        Maker {
            layers,
            runtime,
            plan: Plan { site: site.to_owned(), ..Plan::default() },
            names,
            mistakes: Vec::new(),
            retry: None,
            hedge: None,
            shed: None,
            budget: Budget::of_site(site),
            slow: None,
            limiters: 0,
            route: None,
            idempotent: None,
            origin: String::new(),
        }
    }

    pub(super) fn take(&mut self, declaration: &Declaration) {
        let attribute = declaration.attribute.as_ref();
        let name = declaration.settings.text("name");
        let settings = self.layers.over(declaration.settings.clone(), attribute, name, self.names);
        let origin = self.layers.origin(attribute, name, self.names);
        self.origin =
            origin.map_or_else(|| "its attribute".to_owned(), |origin| format!("its attribute and {origin}"));
        match attribute {
            "circuit_breaker" => {
                self.breaker(name.unwrap_or_default(), &settings, declaration.outside_retry);
            }
            "bulkhead" => self.bulkhead(name.unwrap_or_default(), &settings, declaration.outside_retry),
            "bulkhead_priority" => {
                self.priority(name.unwrap_or_default(), &settings, declaration.outside_retry);
            }
            "throttle" => self.throttle(name, &settings),
            "rate_limit" => self.limiter(name, &settings),
            "retry" => self.retry(&settings),
            "timeout" => self.timeout(&settings),
            "timeout_cascade" => {
                self.plan.cascade = self.checked(attribute, TimeoutCascade::from_settings(&settings));
                self.show("timeout (total)", self.plan.cascade);
            }
            "adaptive_timeout" => {
                let config = self.checked(attribute, AdaptiveTimeout::from_settings(&settings));
                self.show("timeout (per attempt)", config);
                self.adaptive(config);
            }
            "fallback" => {
                self.plan.fallback = self.checked(attribute, Fallback::from_settings(&settings));
                self.show("fallback", self.plan.fallback.clone());
            }
            "hedge" => {
                self.hedge = self.checked(attribute, Hedge::from_settings(&settings));
                self.show("hedge", self.hedge);
            }
            "shed" => {
                self.shed = self.checked(attribute, Shed::from_settings(&settings));
                self.show("shed", self.shed);
            }
            "audit_log" => self.audit(&settings),
            "metrics" => {
                self.plan.metrics = Some(Metered::new(&self.plan.site));
                self.show("metrics", Some("counts calls by outcome, and how long they take"));
            }
            "require_auth" => {
                self.plan.require_auth = true;
                self.show("require_auth", Some("refuses callers who are not known (401)"));
            }
            // The macros hold the type; the payload is checked by them.
            "validate" => self.show("validate", Some("refuses a payload that breaks its type's rules (422)")),
            "service_method" => {
                let route = self.checked(attribute, ServiceMethod::from_settings(&settings));
                self.route = route.map(|route| format!("{} {}", route.method, route.path));
            }
            "idempotent" => {
                self.idempotent = self.checked(attribute, Idempotent::from_settings(&settings));
                self.show("idempotent", self.idempotent.clone());
            }
            "degrade_gracefully" => {
                self.plan.degrades = true;
                let config = self.checked(attribute, DegradeGracefully::from_settings(&settings));
                let total = self.plan.timeout.and_then(|timeout| timeout.total);
                let config = config.map(|config| config.within(total));
                self.show("degrade_gracefully", config);
                self.brownout(config);
            }
            other => self.mistakes.push(format!("`{other}` is not known to this runtime")),
        }
    }

    /// Adds to what `describe` shows; nothing where there was a mistake.
    fn show(&mut self, layer: &'static str, words: Option<impl Display>) {
        if let Some(words) = words {
            self.shown(layer, Words::Fixed(words.to_string()));
        }
    }

    fn shown(&mut self, layer: &'static str, words: Words) {
        self.plan.shown.push(Shown { layer, words, from: self.origin.clone() });
    }

    fn checked<T>(&mut self, attribute: &str, result: Result<T, Vec<Problem>>) -> Option<T> {
        result
            .map_err(|problems| {
                self.mistakes.extend(problems.iter().map(|problem| format!("{attribute}: {problem}")));
            })
            .ok()
    }

    fn retry(&mut self, settings: &Settings) {
        // The attribute holds the function of a custom backoff, and passes it with each call.
        let placeholder: fn(u32) -> Duration = |_| Duration::ZERO;
        let function = settings.get("backoff").is_some().then_some(placeholder);
        let config = RetryConfig::from_settings_and_function(settings, function);
        self.retry = self.checked("retry", config);
        self.budget.is_written = settings.get("budget").is_some();
        self.show("retry", self.retry.clone());
    }

    fn timeout(&mut self, settings: &Settings) {
        self.plan.timeout = self.checked("timeout", Timeout::from_settings(settings));
        let Some(declared) = self.plan.timeout else { return };
        let total = declared.total.map(|total| format!("{} for the whole call", format_duration(total)));
        self.show("timeout (total)", total);
        let each = declared.per_attempt;
        let each = each.map(|each| format!("{} for each attempt, from its slot on", format_duration(each)));
        self.show("timeout (per attempt)", each);
    }

    fn audit(&mut self, settings: &Settings) {
        self.plan.audit = self.checked("audit_log", AuditLog::from_settings(settings));
        let words = self.plan.audit.map(|audit| match audit.on_full {
            AuditOnFull::Reject => "writes every call down; refuses while it cannot",
            AuditOnFull::Continue => "writes every call down; counts what it cannot write",
        });
        self.show("audit_log", words);
    }

    fn breaker(&mut self, name: &str, settings: &Settings, outside_retry: bool) {
        let Some(config) = self.checked("circuit_breaker", BreakerConfig::from_settings(settings)) else {
            return;
        };
        if let Some(limit) = config.slow_call_duration() {
            self.slow = Some(limit);
        }
        let by = config.by().map(|by| By::parse(Some(by)));
        self.budget.is_of_breaker(name);
        self.show("circuit_breaker", Some(format_args!("{name:?} {config}")));
        let read = |settings: &Settings| BreakerConfig::from_settings(settings).ok();
        let same = |other: &Declaration| other.settings.text("name") == Some(name);
        let handle = self.declared("circuit_breaker", same, read, config, |registry, config, site| {
            registry.declare_breaker(name, config, site)
        });
        if let Some(handle) = handle {
            let gates = if outside_retry { &mut self.plan.call_gates } else { &mut self.plan.gates };
            gates.push(Gate::Breaker(handle, by));
        }
    }

    /// Declares an actor as this site has it, after every linked site whose `attribute` concerns it, too, has declared
    /// it: what two of them say in two ways is nobody's, whoever calls first.
    ///
    /// `read` takes of another site's settings what is said of this actor; a mistake in them is told where that site
    /// itself is planned.
    fn declared<C, H>(
        &mut self,
        attribute: &str,
        concerns: impl Fn(&Declaration) -> bool,
        read: impl Fn(&Settings) -> Option<C>,
        config: C,
        declare: impl Fn(&Registry, C, &str) -> Result<H, Rejection>,
    ) -> Option<H> {
        let registry = self.runtime.registry();
        let mut contradictions = Vec::new();
        for linked in linked() {
            let others = linked.declarations.iter().filter(|other| other.attribute == attribute);
            for declaration in others.filter(|other| concerns(other)) {
                let (own, path) = (declaration.settings.text("name"), linked.site.identity().path());
                let names = [linked.site.identity().function, linked.name.as_str(), path.as_str()];
                let settings = self.layers.over(declaration.settings.clone(), attribute, own, &names);
                if let Some(config) = read(&settings) {
                    contradictions.extend(declare(registry, config, &linked.name).err());
                }
            }
        }
        let handle =
            declare(registry, config, &self.plan.site).map_err(|rejection| contradictions.push(rejection));
        for contradiction in contradictions {
            let mistake = contradiction.to_string();
            if !self.mistakes.contains(&mistake) {
                self.mistakes.push(mistake);
            }
        }
        handle.ok()
    }

    fn limiter(&mut self, name: Option<&str>, settings: &Settings) {
        let occurrence = self.limiters;
        self.limiters += 1;
        let Some(config) = self.checked("rate_limit", LimiterConfig::from_settings(settings)) else { return };
        // Nobody else means a limiter that has its name from this very site.
        let same = |other: &Declaration| name.is_some() && other.settings.text("name") == name;
        // The first one is the site's, further ones are told apart by their place.
        let unnamed = match occurrence {
            0 => self.plan.site.clone(),
            _ => format!("{}#{}", self.plan.site, occurrence + 1),
        };
        let name_or_site = name.unwrap_or(&unnamed);
        let by = By::parse(config.by());
        let before = by.stands_before_authentication();
        let layer = if before { "rate_limit (before)" } else { "rate_limit (after)" };
        self.show(layer, Some(format_args!("{name_or_site:?} {config}")));
        let read = |settings: &Settings| LimiterConfig::from_settings(settings).ok();
        let handle = self.declared("rate_limit", same, read, config, |registry, config, site| {
            registry.declare_limiter(name_or_site, config, site)
        });
        if let Some(handle) = handle {
            let limits = if before { &mut self.plan.limits_before } else { &mut self.plan.limits_after };
            limits.push(Limit { handle, by, occurrence });
        }
    }

    fn store(&mut self, scopes: &Scopes) {
        let Some(site) = self.idempotent.take() else { return };
        let scope = site.name().map(str::to_owned).or_else(|| self.route.clone());
        // Never with a line, which a deploy may change: the path stands last among the names.
        let path = self.names.last().copied().unwrap_or(&self.plan.site);
        let scope = scope.unwrap_or_else(|| path.to_owned());
        if let Err(other) = scopes.claim(site.store(), &scope, &self.plan.site) {
            self.mistakes.push(format!(
                "idempotent: its keys would meet those of {other}, since both have the scope {scope:?}; give one of \
                 them a name = \"..\" of its own"
            ));
            return;
        }
        if !self.plan.require_auth {
            tracing::warn!(
                site = self.plan.site,
                "idempotent without require_auth: callers who are not known share one space of keys"
            );
        }
        let read = |settings: &Settings| {
            let other = Idempotent::from_settings(settings).ok();
            other.filter(|other| other.store() == site.store()).map(|other| other.store_config().clone())
        };
        let config = site.store_config().clone();
        let store = self.declared(
            "idempotent",
            |_| true,
            read,
            config,
            |registry, config, declared_by| registry.declare_idempotency(site.store(), config, declared_by),
        );
        self.plan.once = store.map(|store| Once { store: store.of_site(site), scope: Scope::new(&scope) });
    }

    /// What a site learns of its attempts is the site's own.
    fn adaptive(&mut self, config: Option<AdaptiveTimeout>) {
        let Some(config) = config.filter(|config| config.mode != Mode::Off) else { return };
        let site = self.plan.site.as_str();
        match self.runtime.registry().declare_adaptive(site, config, site) {
            Ok(learned) => {
                self.plan.gates.push(Gate::Timed(learned.clone()));
                self.plan.adaptive = Some(learned);
            }
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    /// Optional parts are a site's own.
    fn brownout(&mut self, config: Option<DegradeGracefully>) {
        let Some(config) = config.filter(|config| config.latency_target.is_some()) else { return };
        let site = self.plan.site.as_str();
        match self.runtime.registry().declare_brownout(site, config, site) {
            Ok(brownout) => self.plan.brownout = Some(brownout),
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    /// Sites that wait for one pool share what turns them away: only so can the lowest class go first.
    fn shedding(&mut self) {
        let Some(config) = self.shed.filter(|config| config.mode != Mode::Off) else { return };
        let pool = |gates: &[Gate]| {
            gates.iter().find_map(|gate| match gate {
                Gate::Pool(pool) => {
                    let actor = Arc::as_ptr(pool.handle.hosted()) as usize;
                    Some((pool.handle.name().to_owned(), pool.priority, Some(actor)))
                }
                _ => None,
            })
        };
        let waits_for = pool(&self.plan.gates).or_else(|| pool(&self.plan.call_gates));
        let (name, priority, actor) =
            waits_for.unwrap_or_else(|| (self.plan.site.clone(), Priority::Normal, None));
        match self.runtime.registry().declare_shed(&name, config, &self.plan.site) {
            Ok(shed) => self.plan.call_gates.insert(0, Gate::Shed(shed, priority, actor)),
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    /// A site's hedge is the site's own; what it may spend is its dependency's.
    fn hedging(&mut self, budgets: &Budgets) {
        let Some(config) = self.hedge.filter(|config| config.mode != Mode::Off) else { return };
        let site = self.plan.site.as_str();
        match self.runtime.registry().declare_hedge(site, config, site) {
            Ok(handle) => {
                let budget = self.shared_budget(budgets);
                self.plan.hedge = Some(Hedging { handle, budget });
            }
            Err(rejection) => self.mistakes.push(rejection.to_string()),
        }
    }

    /// What repeats, and from which budget.
    fn retrying(&mut self, budgets: &Budgets) {
        // One that only observes has nothing to let through: a repeat is all that it does.
        let Some(config) = self.retry.clone().filter(|config| config.mode() == Mode::Enforce) else { return };
        let reads = self
            .route
            .as_deref()
            .is_some_and(|route| route.starts_with("GET ") || route.starts_with("HEAD "));
        let may_run_twice = reads || self.plan.once.is_some();
        let config = if may_run_twice { config.repeating_preempted() } else { config };
        self.warn_of_a_throttle_held_through_backoffs(&config);
        let budget = self.shared_budget(budgets);
        let seed = self.runtime.ground().seed();
        let entropy = Entropy::new(seed, &format!("retry/{}", self.plan.site));
        self.plan.retry = Some(Retry { config, budget, entropy: Arc::new(Mutex::new(entropy)) });
    }

    /// The plan.
    ///
    /// # Errors
    /// Every mistake.
    pub(super) fn finish(mut self, budgets: &Budgets, scopes: &Scopes) -> Result<Plan, Vec<String>> {
        self.store(scopes);
        self.settle_budget();
        self.hedging(budgets);
        self.shedding();
        self.retrying(budgets);
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        let slow = self.slow;
        self.plan.slow_after = slow.unwrap_or(SLOW_AFTER);
        let least = [self.plan.per_attempt(), slow, Some(BLAME_AFTER)];
        self.plan.blame_after = least.into_iter().flatten().min().unwrap_or(BLAME_AFTER);
        self.plan.goes_ahead = self.plan.can_go_ahead();
        self.plan.goes_on_ahead = self.plan.can_go_on_ahead();
        if self.plan.goes_on_ahead {
            self.plan.at_once = self.plan.all_gates().cloned().collect();
        }
        self.plan.judges_time = self.plan.times_attempts();
        self.plan.budget = self.plan.budget_of_either();
        self.plan.is_bare = self.plan.goes_ahead && self.plan.asks_nobody();
        Ok(self.plan)
    }
}
