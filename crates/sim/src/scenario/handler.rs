use super::distribution::{self, Distribution};
use super::mistake::Notes;
use super::names::{name_of, read_name};
use super::reader::{Table, text};
use super::tree::{Item, Node, Span};

/// A path of calls; the policies of each variant are laid around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// What it calls, in order.
    pub calls: Vec<Step>,
    pub(crate) spans: Vec<(String, Span)>,
}

/// One step of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A call of a service or another handler.
    Call(String),
    /// Calls side by side; the step ends when all have.
    Together(Vec<String>),
}

impl Step {
    /// Whom it calls.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Step::Call(name) => std::slice::from_ref(name),
            Step::Together(names) => names,
        }
    }
}

/// How messages travel from one to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The sender: a handler, `app` for all handlers, or `client` for all loads.
    pub from: String,
    /// The receiver: a service or a handler.
    pub to: String,
    /// How long a message takes.
    pub latency: Distribution,
    pub(crate) span: Span,
}

pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Handler> {
    let mut table = Table::new(node, "a handler", notes)?;
    let name = read_name(&mut table, notes);
    if let Some(reserved) =
        name.as_deref().filter(|name| ["service", "runtime", "name", "extends"].contains(name))
    {
        notes.add(
            table.span,
            format!("`{reserved}` has a meaning of its own in a variant; name the handler otherwise"),
        );
    }
    let mut spans = Vec::new();
    let mut calls = Vec::new();
    for step in table.list("calls", 100, notes) {
        match &step.item {
            Item::List(nodes) => {
                let names = nodes.iter().filter_map(|node| callee(node, &mut spans, notes)).collect();
                calls.push(Step::Together(names));
            }
            _ => calls.extend(callee(step, &mut spans, notes).map(Step::Call)),
        }
    }
    table.finish(notes);
    Some(Handler { name: name?, calls, spans })
}

fn callee(node: &Node, spans: &mut Vec<(String, Span)>, notes: &mut Notes<'_>) -> Option<String> {
    let name = name_of(node, notes)?;
    spans.push((name.clone(), node.span.clone()));
    Some(name)
}

pub(crate) fn read_link(node: &Node, notes: &mut Notes<'_>) -> Option<Link> {
    let mut table = Table::new(node, "a link", notes)?;
    let from = table.need("from", "\"app\"", notes).and_then(|node| text(node, notes));
    let to = table.need("to", "\"db\"", notes).and_then(|node| text(node, notes));
    let latency =
        table.get("latency").map_or(Some(Distribution::ZERO), |node| distribution::read(node, notes));
    table.finish(notes);
    let span = node.span.clone();
    Some(Link { from: from?.to_owned(), to: to?.to_owned(), latency: latency?, span })
}
