use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use steadfast::Runtime;
use steadfast::config::ConfigError;
use steadfast::pipeline::Pipeline;
use steadfast_actors::breaker::BreakerHandle;
use steadfast_actors::clock::saturating_nanos;
use steadfast_actors::declare;
use steadfast_actors::idempotency::Idempotent;
use steadfast_actors::settings::{Mode, Settings, Value};

use super::handler::{Callee, Handler, IDEMPOTENCY_KEY, Reads};
use super::house::House;
use super::invariants::{Once, Rule};
use super::log::Record;
use super::running::Pool;
use crate::scenario::{Distribution, Fault, FaultKind, Policy, Scenario, Step, Target, Variant};
use crate::world::{self, Route, World};

/// What a layer goes by: who calls, or what a call costs.
fn reads(policy: &Policy) -> Reads {
    match policy.attribute {
        "idempotent" => {
            let standard = Value::from(format!("header:{IDEMPOTENCY_KEY}"));
            let own = policy.settings.get("key").is_some_and(|key| *key != standard);
            if own { Reads::All } else { Reads::Key }
        }
        "require_auth" => Reads::All,
        "rate_limit" | "circuit_breaker" => {
            let by = ["by", "cost"].iter().any(|option| policy.settings.get(option).is_some());
            if by { Reads::All } else { Reads::Nothing }
        }
        _ => Reads::Nothing,
    }
}

/// Lays policies around a handler, the first outermost.
fn pipeline(handler: &str, policies: &[&Policy], runtime: &Runtime) -> Result<Pipeline, ConfigError> {
    let builder = policies.iter().fold(Pipeline::builder(handler), |builder, policy| {
        builder.layer(policy.attribute, policy.settings.clone())
    });
    builder.build(runtime)
}

/// A handler with its layers and the links to whom it calls.
pub(crate) fn handler(
    scenario: &Scenario,
    variant: &Variant,
    index: usize,
    runtime: &Runtime,
    world: &mut World,
) -> Result<Handler, ConfigError> {
    let declared = &scenario.handlers[index];
    let policies = variant.policies_of(&declared.name);
    let pipeline = pipeline(&declared.name, &policies, runtime)?;
    let has = |attribute: &str| policies.iter().any(|policy| policy.attribute == attribute);
    let steps = declared
        .calls
        .iter()
        .map(|step| step.names().iter().map(|name| callee(scenario, &declared.name, name, world)).collect());
    Ok(Handler {
        steps: steps.collect(),
        names: declared.calls.iter().flat_map(Step::names).cloned().collect(),
        bound: None,
        falls_back: has("fallback"),
        per_attempt: per_attempt(&policies),
        reads: policies.iter().map(|policy| reads(policy)).max().unwrap_or_default(),
        most: most(&policies),
        pools: Vec::new(),
        once: once(&policies),
        pipeline,
    })
}

/// The same handler in a process that begins anew.
pub(crate) fn again(
    handler: &Handler,
    variant: &Variant,
    name: &str,
    runtime: &Runtime,
) -> Result<Handler, ConfigError> {
    let pipeline = pipeline(name, &variant.policies_of(name), runtime)?;
    Ok(Handler {
        steps: handler.steps.clone(),
        names: handler.names.clone(),
        bound: handler.bound.clone(),
        pools: Vec::new(),
        pipeline,
        ..*handler
    })
}

/// The settings of a handler's first policy of this name.
fn settings_of<'a>(policies: &[&'a Policy], attribute: &str) -> Option<&'a Settings> {
    policies.iter().find(|policy| policy.attribute == attribute).map(|policy| &policy.settings)
}

/// What a whole call may take: its total, and its fallback's time after that.
fn most(policies: &[&Policy]) -> Option<Duration> {
    let timeout = declare::Timeout::from_settings(settings_of(policies, "timeout")?).ok()?;
    let fallback = settings_of(policies, "fallback")
        .and_then(|settings| declare::Fallback::from_settings(settings).ok())
        .map_or(Duration::ZERO, |fallback| fallback.timeout);
    timeout.total.map(|total| total.saturating_add(fallback))
}

/// How a handler is declared to run once for each key.
fn once(policies: &[&Policy]) -> Option<Once> {
    let idempotent = Idempotent::from_settings(settings_of(policies, "idempotent")?).ok()?;
    let retry = settings_of(policies, "retry")
        .and_then(|settings| declare::retry::RetryConfig::from_settings(settings).ok());
    // Every request of a simulated caller carries its key.
    let ttl = saturating_nanos(idempotent.terms(true).ttl);
    Some(Once { attempts: retry.map_or(1, |retry| retry.attempts()), ttl })
}

/// Finds the actors that the invariants follow, once all handlers have declared theirs.
pub(crate) fn follow(
    scenario: &Scenario,
    variant: &Variant,
    runtime: &Runtime,
    handlers: &mut [Handler],
    record: &mut Record,
) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    let mut breakers: Vec<&str> = Vec::new();
    for (declared, handler) in scenario.handlers.iter().zip(handlers) {
        let mut limiters = 0;
        if let Some(limit) = handler.per_attempt {
            record.invariants.limit_attempts(&declared.name, limit);
        }
        let policies = variant.policies_of(&declared.name);
        // Two attempts of one call at once could not be told apart.
        let hedged = policies.iter().any(|policy| policy.attribute == "hedge");
        for policy in policies {
            let name = policy.settings.text("name");
            match policy.attribute {
                "bulkhead" | "bulkhead_priority" | "throttle" => {
                    let throttle = policy.attribute == "throttle";
                    let name = name.unwrap_or(&declared.name);
                    let registry = runtime.registry();
                    let handle = if throttle { registry.throttle(name) } else { registry.bulkhead(name) };
                    let Some(handle) = handle.filter(|handle| handle.config().mode() == Mode::Enforce) else {
                        continue;
                    };
                    let same = |pool: &Pool| pool.throttle == throttle && pool.handle.name() == name;
                    let index = pools.iter().position(same).unwrap_or_else(|| {
                        let kind = if throttle { "throttle" } else { "bulkhead" };
                        let measured = record.measures.pool(kind, name);
                        pools.push(Pool::new(handle, throttle, measured));
                        pools.len() - 1
                    });
                    if !handler.pools.contains(&index) {
                        handler.pools.push(index);
                    }
                }
                "rate_limit" => {
                    limiters += 1;
                    let unnamed = match limiters {
                        1 => declared.name.clone(),
                        _ => format!("{}#{limiters}", declared.name),
                    };
                    let limiter = runtime.registry().limiter(name.unwrap_or(&unnamed));
                    if let Some(limiter) = limiter.filter(|limiter| limiter.config().mode() == Mode::Enforce)
                    {
                        let outages = hangs(scenario, "limiter", limiter.name());
                        record.invariants.follow(limiter.name(), limiter.config(), outages);
                    }
                }
                "circuit_breaker" => {
                    let name = name.unwrap_or(&declared.name);
                    breakers.push(name);
                    let breaker = runtime.registry().breaker(name);
                    let can_be_followed = |breaker: &BreakerHandle| {
                        let config = breaker.config();
                        let alone = breakers.iter().filter(|known| **known == name).count() == 1;
                        alone && !hedged && config.by().is_none() && config.mode() == Mode::Enforce
                    };
                    match breaker.filter(can_be_followed) {
                        Some(breaker) if hangs(scenario, "breaker", name) == 0 => {
                            record.invariants.follow_breaker(name, breaker.config());
                        }
                        _ => record.invariants.forget_breaker(name),
                    }
                }
                _ => {}
            }
        }
    }
    pools
}

/// How often an actor is made to hang, or its mailbox full: what it is told then comes late, and callers go on without it.
fn hangs(scenario: &Scenario, kind: &str, name: &str) -> u64 {
    let struck = |target: &Target| matches!(target, Target::Actor { kind: of, name: its } if of == kind && its == name);
    let hangs = |kind: &FaultKind| matches!(kind, FaultKind::Hang | FaultKind::MailboxFull);
    let times = |fault: &Fault| match (fault.lasts, fault.every) {
        (Some(lasts), Some(every)) => lasts / every.max(1) + 1,
        _ => 1,
    };
    let faults = scenario.faults.iter().filter(|fault| struck(&fault.target) && hangs(&fault.kind));
    faults.map(times).sum()
}

/// What is checked once at the end of a run, with everything at rest.
pub(crate) fn at_rest(house: &House) {
    let mut record = house.recorder.record();
    let record = &mut *record;
    for pool in &house.pools {
        pool.check_at_rest(&mut record.invariants);
    }
    let end = u64::MAX - 1;
    let (offered, answered) = (record.measures.offered.sum(0, end), record.measures.answered.sum(0, end));
    let alive = house.unsettled.load(Ordering::Relaxed);
    record.invariants.check(Rule::OneOutcome, offered == answered + alive, || {
        format!("{offered} requests came, {answered} were answered and {alive} are under way")
    });
    let requests = record.log.requests;
    record.invariants.check(Rule::Counters, requests == offered, || {
        format!("{offered} requests were counted and {requests} logged")
    });
    let counted: u64 = record.measures.transition_counts.values().sum();
    let transitions = record.log.transitions;
    record.invariants.check(Rule::Counters, transitions == counted, || {
        format!("{counted} transitions were counted and {transitions} logged")
    });
    (record.log.requests, record.log.transitions) = (0, 0);
}

fn per_attempt(policies: &[&Policy]) -> Option<Duration> {
    let fixed = settings_of(policies, "timeout")
        .and_then(|settings| declare::Timeout::from_settings(settings).ok()?.per_attempt);
    // What is learned moves, but never beyond its most.
    let learned = settings_of(policies, "adaptive_timeout").and_then(|settings| {
        let learned = declare::AdaptiveTimeout::from_settings(settings).ok()?;
        (learned.mode == Mode::Enforce).then_some(learned.max)
    });
    fixed.into_iter().chain(learned).min()
}

/// Whom `from` reaches under this name: a service always over a link, a handler only where a link is spoken of; else it
/// runs in the same process, and its caller's retries and deadline reach into it.
fn callee(scenario: &Scenario, from: &str, to: &str, world: &mut World) -> Callee {
    let service = scenario.services.iter().position(|service| service.name == to);
    let handler = scenario.handlers.iter().position(|handler| handler.name == to);
    match (service, handler) {
        (Some(service), _) => Callee::Over(link(scenario, from, world::Callee::Service(service), to, world)),
        (None, Some(handler)) if World::has_link(scenario, from, to) => {
            Callee::Over(link(scenario, from, world::Callee::Handler(handler), to, world))
        }
        (None, handler) => Callee::Inside(handler.unwrap_or(usize::MAX)),
    }
}

fn link(scenario: &Scenario, from: &str, callee: world::Callee, to: &str, world: &mut World) -> Route {
    let mut links = scenario.links.iter();
    let exact = links.find(|link| link.from == from && link.to == to);
    let general = || scenario.links.iter().find(|link| link.from == "app" && link.to == to);
    let latency = exact.or_else(general).map_or(&Distribution::ZERO, |link| &link.latency);
    world.open(from, callee, latency)
}

/// The links that a test's own code calls services by: from `app` to each, and those that the scenario names.
pub(crate) fn routes(scenario: &Scenario, world: &mut World) -> BTreeMap<(String, String), Route> {
    let from_app = scenario.services.iter().map(|service| ("app", service.name.as_str()));
    let named = scenario.links.iter().map(|link| (link.from.as_str(), link.to.as_str()));
    let mut routes = BTreeMap::new();
    for (from, to) in from_app.chain(named) {
        let service = scenario.services.iter().position(|service| service.name == to);
        let key = (from.to_owned(), to.to_owned());
        if let Some(service) = service.filter(|_| !routes.contains_key(&key)) {
            routes.insert(key, link(scenario, from, world::Callee::Service(service), to, world));
        }
    }
    routes
}

/// How the requests of a load reach their handler: over a link where one is spoken of.
pub(crate) fn entry(scenario: &Scenario, handler: usize, world: &mut World) -> Option<Route> {
    let name = scenario.handlers[handler].name.as_str();
    World::has_client_link(scenario, name)
        .then(|| link(scenario, "client", world::Callee::Handler(handler), name, world))
}
