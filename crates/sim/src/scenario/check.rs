use std::collections::{BTreeMap, BTreeSet};

use super::Scenario;
use super::actors::Actors;
use super::expect::{Metric, Reached};
use super::fault::Target;
use super::mistake::Notes;
use super::reader::unknown;
use super::tree::{Node, Span};

/// The names that a file declares, also those of entries that have mistakes.
pub(crate) struct Declared<'a> {
    pub(crate) services: BTreeSet<&'a str>,
    pub(crate) handlers: BTreeSet<&'a str>,
    pub(crate) variants: BTreeSet<&'a str>,
}

impl<'a> Declared<'a> {
    pub(crate) fn of(root: &'a Node) -> Self {
        let names = |list: &str| -> BTreeSet<&'a str> {
            root.list_of(list).iter().filter_map(|entry| entry.text_of("name")).collect()
        };
        let mut variants = names("variant");
        if variants.is_empty() {
            // A scenario without variants runs its handlers bare.
            variants.insert("bare");
        }
        Declared { services: names("service"), handlers: names("handler"), variants }
    }
}

/// Notes names that nothing declares, names that are declared twice, and handlers that call themselves.
pub(crate) fn check(scenario: &Scenario, declared: &Declared<'_>, notes: &mut Notes<'_>) {
    let Declared { services, handlers, .. } = declared;
    let callees = || services.iter().chain(handlers).copied();
    let is_callee = |name: &str| services.contains(name) || handlers.contains(name);
    for handler in &scenario.handlers {
        for (name, span) in &handler.spans {
            if !is_callee(name) {
                unknown("service or handler", name, span, callees(), notes);
            }
        }
        if services.contains(handler.name.as_str()) {
            let span = handler.spans.first().map(|(_, span)| span.clone()).unwrap_or_default();
            notes.add(&span, format!("`{}` is a service and a handler", handler.name));
        }
    }
    cycles(scenario, notes);
    let is_sender = |name: &str| name == "app" || name == "client" || handlers.contains(name);
    let senders = || handlers.iter().copied().chain(["app", "client"]);
    for link in &scenario.links {
        if !is_sender(&link.from) {
            unknown("handler", &link.from, &link.span, senders(), notes);
        }
        if !is_callee(&link.to) {
            unknown("service or handler", &link.to, &link.span, callees(), notes);
        }
    }
    for load in &scenario.loads {
        if !handlers.contains(load.handler.as_str()) {
            unknown("handler", &load.handler, &load.handler_span, handlers.iter().copied(), notes);
        }
    }
    let actors = Actors::of(scenario);
    for fault in &scenario.faults {
        match &fault.target {
            Target::Service(name) if !services.contains(name.as_str()) => {
                unknown("service", name, &fault.target_span, services.iter().copied(), notes);
            }
            Target::Link { from, to } => {
                // A link has two directions; replies travel from what was called.
                for end in [from, to] {
                    if end != "*" && !is_sender(end) && !is_callee(end) {
                        let known = callees().chain(["app", "client"]);
                        unknown("end of a link", end, &fault.target_span, known, notes);
                    }
                }
            }
            Target::Actor { kind, name } => {
                actors.check(kind, name, &fault.target_span, notes);
            }
            Target::Store(name) => actors.check_store(name, &fault.target_span, notes),
            _ => {}
        }
    }
    measured(scenario, &actors, declared, notes);
}

/// Notes what is expected of names that nothing declares.
fn measured(scenario: &Scenario, actors: &Actors<'_>, declared: &Declared<'_>, notes: &mut Notes<'_>) {
    let Declared { services, handlers, .. } = declared;
    let variants = || declared.variants.iter().copied();
    for expectation in &scenario.expectations {
        if !variants().any(|name| name == expectation.variant) {
            unknown("variant", &expectation.variant, &expectation.variant_span, variants(), notes);
        }
        for (name, span) in expectation.handlers.iter().zip(&expectation.handler_spans) {
            if !handlers.contains(name.as_str()) {
                unknown("handler", name, span, handlers.iter().copied(), notes);
            }
        }
        let span = &expectation.metric_span;
        match &expectation.metric {
            Metric::Queue(name)
                if !services.contains(name.as_str()) && !actors.pools().any(|pool| pool == name) =>
            {
                unknown("service or pool", name, span, services.iter().copied().chain(actors.pools()), notes);
            }
            Metric::Transitions(name) | Metric::Restarts(name) | Metric::Escalations(name)
                if !actors.any(name) =>
            {
                unknown("actor", name, span, actors.names(), notes);
            }
            _ => {}
        }
    }
    for sometimes in &scenario.sometimes {
        if !variants().any(|name| name == sometimes.variant) {
            unknown("variant", &sometimes.variant, &sometimes.variant_span, variants(), notes);
        }
        if let Reached::State { kind, name, .. } = &sometimes.reached {
            actors.check(kind, name, &sometimes.reached_span, notes);
        }
    }
}

/// Notes each handler that reaches itself through its calls. Walked without recursion: a file may chain a thousand.
fn cycles(scenario: &Scenario, notes: &mut Notes<'_>) {
    let calls: BTreeMap<&str, Vec<(&str, &Span)>> = scenario
        .handlers
        .iter()
        .map(|handler| {
            (handler.name.as_str(), handler.spans.iter().map(|(name, span)| (name.as_str(), span)).collect())
        })
        .collect();
    let mut finished: BTreeSet<&str> = BTreeSet::new();
    for start in calls.keys().copied() {
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = path.last().copied() {
            let callee = calls.get(name).and_then(|callees| callees.get(next)).copied();
            let Some((callee, span)) = callee.filter(|_| !finished.contains(name)) else {
                finished.insert(name);
                path.pop();
                continue;
            };
            if let Some(last) = path.last_mut() {
                last.1 += 1;
            }
            if let Some(first) = path.iter().position(|(name, _)| *name == callee) {
                let circle: Vec<&str> = path[first..].iter().map(|(name, _)| *name).collect();
                notes.add(
                    span,
                    format!("handlers call each other in a circle: {} -> {callee}", circle.join(" -> ")),
                );
                continue;
            }
            if path.len() >= MOST_LAYERS {
                notes.add(span, format!("handlers call each other more than {MOST_LAYERS} deep"));
                return;
            }
            path.push((callee, 0));
        }
    }
}

/// Deeper call trees than this are a mistake, and each level costs stack.
const MOST_LAYERS: usize = 32;
