use std::time::Duration;

use steadfast::Runtime;
use steadfast::config::ConfigError;
use steadfast::pipeline::{ORDER, Pipeline};
use steadfast_actors::declare;

use super::handler::{Callee, Handler};
use crate::scenario::{self, Distribution, Policy, Scenario, Step, Variant};
use crate::world::{self, Route, World};

/// Attributes that go by who calls.
const READS_INPUTS: [&str; 4] = ["rate_limit", "idempotent", "circuit_breaker", "require_auth"];

/// Lays a variant's policies around a handler, in the canonical order.
pub(crate) fn pipeline(
    handler: &scenario::Handler,
    variant: &Variant,
    runtime: &Runtime,
) -> Result<Pipeline, ConfigError> {
    let mut policies = policies(handler, variant);
    // The sort is stable: limiters keep the order in which they are written.
    policies
        .sort_by_key(|policy| ORDER.iter().position(|layer| layer.attributes.contains(&policy.attribute)));
    let builder = policies.iter().fold(Pipeline::builder(&handler.name), |builder, policy| {
        builder.layer(policy.attribute, policy.settings.clone())
    });
    builder.build(runtime)
}

fn policies<'a>(handler: &scenario::Handler, variant: &'a Variant) -> Vec<&'a Policy> {
    variant.policies.get(&handler.name).into_iter().flatten().collect()
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
    let pipeline = pipeline(declared, variant, runtime)?;
    let policies = policies(declared, variant);
    let has = |attribute: &str| policies.iter().any(|policy| policy.attribute == attribute);
    let steps = declared.calls.iter().map(|step| match step {
        Step::Call(name) => vec![callee(scenario, &declared.name, name, world)],
        Step::Together(names) => {
            names.iter().map(|name| callee(scenario, &declared.name, name, world)).collect()
        }
    });
    Ok(Handler {
        steps: steps.collect(),
        falls_back: has("fallback"),
        per_attempt: per_attempt(&policies),
        reads_inputs: policies.iter().any(|policy| {
            READS_INPUTS.contains(&policy.attribute)
                && (policy.attribute != "circuit_breaker" || policy.settings.get("by").is_some())
        }),
        pipeline,
    })
}

fn per_attempt(policies: &[&Policy]) -> Option<Duration> {
    let timeout = policies.iter().find(|policy| policy.attribute == "timeout")?;
    declare::Timeout::from_settings(&timeout.settings).ok()?.per_attempt
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

/// How the requests of a load reach their handler: over a link where one is spoken of.
pub(crate) fn entry(scenario: &Scenario, handler: usize, world: &mut World) -> Option<Route> {
    let name = scenario.handlers[handler].name.as_str();
    World::has_client_link(scenario, name)
        .then(|| link(scenario, "client", world::Callee::Handler(handler), name, world))
}
