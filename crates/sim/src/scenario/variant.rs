use std::collections::{BTreeMap, BTreeSet};

use steadfast::pipeline::ORDER;
use steadfast::retry::RetryConfig;
use steadfast_actors::declare;
use steadfast_actors::settings::{Problem, Settings, Value};

use super::mistake::Notes;
use super::names::read_name;
use super::reader::{Table, text, unknown};
use super::runtime::{self, RuntimeOptions};
use super::service::{self, Service};
use super::tree::{Item, Key, Node, Span};

/// One set of policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The policies of each handler.
    pub policies: BTreeMap<String, Vec<Policy>>,
    /// Services that are different in this variant.
    pub services: BTreeMap<String, Service>,
    /// The runtime's options.
    pub runtime: RuntimeOptions,
}

/// One attribute of one handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The attribute's name.
    pub attribute: &'static str,
    /// Its arguments.
    pub settings: Settings,
}

impl Variant {
    /// The policies of one handler, the outermost first; those of one layer stay as they are written.
    pub(crate) fn policies_of(&self, handler: &str) -> Vec<&Policy> {
        let mut policies: Vec<&Policy> = self.policies.get(handler).into_iter().flatten().collect();
        policies.sort_by_key(|policy| {
            ORDER.iter().position(|layer| layer.attributes.contains(&policy.attribute))
        });
        policies
    }
}

/// The policies of one attribute, before they are one list.
type Written = BTreeMap<&'static str, Vec<Node>>;

/// A variant as it is written, before what it extends is laid under it.
pub(crate) struct Draft<'a> {
    pub(crate) name: String,
    pub(crate) extends: Option<(String, Span)>,
    handlers: Vec<(&'a Key, &'a Node)>,
    services: Option<&'a Node>,
    runtime: Option<&'a Node>,
}

pub(crate) fn read_draft<'a>(node: &'a Node, notes: &mut Notes<'_>) -> Option<Draft<'a>> {
    let mut table = Table::new(node, "a variant", notes)?;
    let name = read_name(&mut table, notes)?;
    let extends =
        table.get("extends").and_then(|node| Some((text(node, notes)?.to_owned(), node.span.clone())));
    let (services, runtime) = (table.get("service"), table.get("runtime"));
    Some(Draft { name, extends, handlers: table.others().collect(), services, runtime })
}

/// What a variant is made from.
pub(crate) struct Ground<'a> {
    pub(crate) handlers: &'a BTreeSet<&'a str>,
    pub(crate) services: &'a BTreeMap<&'a str, &'a Node>,
    pub(crate) runtime: &'a RuntimeOptions,
}

/// Puts the chain of drafts, the weakest first, together.
pub(crate) fn assemble(chain: &[&Draft<'_>], ground: &Ground<'_>, notes: &mut Notes<'_>) -> Option<Variant> {
    let last = chain.last()?;
    let mut written: BTreeMap<String, Written> = BTreeMap::new();
    let mut changed: BTreeMap<String, Node> = BTreeMap::new();
    let mut runtime = ground.runtime.clone();
    for draft in chain {
        // A mistake in a draft that others extend is said once, with the draft itself.
        let own = draft.name == last.name;
        let mut silent = Notes::new("");
        let notes = if own { &mut *notes } else { &mut silent };
        for (key, node) in &draft.handlers {
            if !ground.handlers.contains(key.name.as_str()) {
                let known = ground.handlers.iter().copied().chain(["service", "runtime", "extends"]);
                unknown("handler", &key.name, &key.span, known, notes);
                continue;
            }
            lay_over(written.entry(key.name.clone()).or_default(), node, notes);
        }
        if let Some(node) = draft.services {
            lay_services(&mut changed, node, ground, notes);
        }
        if let Some(node) = draft.runtime {
            runtime = runtime::read(node, &runtime, notes);
        }
    }
    let services =
        changed.iter().filter_map(|(name, node)| Some((name.clone(), service::read(node, notes)?)));
    let services = services.collect();
    let mut policies = BTreeMap::new();
    for (handler, written) in written {
        let mut list = Vec::new();
        for (attribute, nodes) in written {
            list.extend(nodes.iter().filter_map(|node| checked(attribute, node, notes)));
        }
        policies.insert(handler, list);
    }
    Some(Variant { name: last.name.clone(), policies, services, runtime })
}

/// Lays one handler's table over what an extended variant wrote: an attribute's arguments key by key, `false` takes the
/// attribute away, a list replaces it.
fn lay_over(written: &mut Written, node: &Node, notes: &mut Notes<'_>) {
    let Item::Table(entries) = &node.item else {
        notes.add(&node.span, "a handler's policies are a table, as in [variant.checkout]");
        return;
    };
    for (key, node) in entries {
        let Some(attribute) = declare::ATTRIBUTES.into_iter().find(|known| *known == key.name) else {
            unknown("policy", &key.name, &key.span, declare::ATTRIBUTES, notes);
            continue;
        };
        match &node.item {
            Item::Flag(false) => {
                written.remove(attribute);
            }
            Item::List(nodes) => {
                written.insert(attribute, nodes.clone());
            }
            _ => {
                let own = positional(attribute, node);
                let under = written.remove(attribute).filter(|nodes| nodes.len() == 1);
                let merged = match under.and_then(|mut nodes| nodes.pop()) {
                    Some(under) => merge(&under, &own),
                    None => own,
                };
                written.insert(attribute, vec![merged]);
            }
        }
    }
}

/// A bare value is the positional argument, and `true` stands for an attribute without any.
fn positional(attribute: &str, node: &Node) -> Node {
    let key = match attribute {
        "timeout" | "timeout_cascade" => "total",
        "fallback" => "path",
        "service_method" => "route",
        "validate" => "type",
        _ => "name",
    };
    let span = node.span.clone();
    let item = match &node.item {
        Item::Flag(true) => Item::Table(Vec::new()),
        Item::Text(_) => Item::Table(vec![(Key { span: span.clone(), name: key.to_owned() }, node.clone())]),
        other => other.clone(),
    };
    Node { span, item }
}

/// `over` laid over `under`, tables key by key.
fn merge(under: &Node, over: &Node) -> Node {
    let (Item::Table(low), Item::Table(high)) = (&under.item, &over.item) else { return over.clone() };
    let mut entries = low.clone();
    for (key, node) in high {
        match entries.iter_mut().find(|(known, _)| known.name == key.name) {
            Some((known, present)) => {
                *present = merge(present, node);
                *known = key.clone();
            }
            None => entries.push((key.clone(), node.clone())),
        }
    }
    Node { span: over.span.clone(), item: Item::Table(entries) }
}

fn lay_services(
    changed: &mut BTreeMap<String, Node>,
    node: &Node,
    ground: &Ground<'_>,
    notes: &mut Notes<'_>,
) {
    let Item::Table(entries) = &node.item else {
        notes.add(&node.span, "services of a variant are written as [variant.service.NAME]");
        return;
    };
    for (key, node) in entries {
        let Some(declared) = ground.services.get(key.name.as_str()) else {
            let known = ground.services.keys().copied();
            unknown("service", &key.name, &key.span, known, notes);
            continue;
        };
        let base = changed.get(&key.name).unwrap_or(declared);
        // A distribution or an error list is one thing: half of an old one under a new one would mean nothing.
        let mut base = base.clone();
        if let (Item::Table(low), Item::Table(high)) = (&mut base.item, &node.item) {
            low.retain(|(known, _)| !high.iter().any(|(key, _)| key.name == known.name));
        }
        changed.insert(key.name.clone(), merge(&base, node));
    }
}

/// One policy, checked by the code that the macros check it with.
fn checked(attribute: &'static str, node: &Node, notes: &mut Notes<'_>) -> Option<Policy> {
    let node = &positional(attribute, node);
    let Value::Table(settings) = node.to_value() else {
        notes.add(&node.span, format!("`{attribute}` is a table, found {}", node.type_name()));
        return None;
    };
    let mut result = match attribute {
        "retry" => RetryConfig::from_settings(&settings).map(drop),
        _ => declare::check(attribute, &settings),
    };
    let named = ["circuit_breaker", "bulkhead", "bulkhead_priority"].contains(&attribute);
    if result.is_ok() && named && settings.get("name").is_none() {
        let message = "write its name, as in name = \"db\"".to_owned();
        result = Err(vec![Problem { key: "name".to_owned(), message }]);
    }
    if let Err(problems) = result {
        for problem in problems {
            let span = place_of(node, &problem.key);
            let path = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
            notes.add(&span, format!("{attribute}: {path}{}", problem.message));
        }
        return None;
    }
    Some(Policy { attribute, settings })
}

/// Where the value of a dotted key stands; its key where the key itself is the mistake.
fn place_of(node: &Node, path: &str) -> Span {
    let mut node = node;
    let mut span = node.span.clone();
    for part in path.split('.') {
        let Item::Table(entries) = &node.item else { break };
        let Some((key, found)) = entries.iter().find(|(key, _)| key.name == part) else { break };
        span = key.span.clone();
        node = found;
    }
    span
}
