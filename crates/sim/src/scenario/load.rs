use std::path::Path;

use super::mistake::Notes;
use super::reader::{Table, choice, duration, number, rate, text};
use super::trace::{self, Arrival};
use super::tree::{Node, Span};

/// Requests that arrive at a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The handler.
    pub handler: String,
    /// Who sends them.
    pub model: Model,
    /// Whose each is.
    pub keys: Keys,
    /// Their class.
    pub priority: Priority,
    pub(crate) handler_span: Span,
}

/// Who sends requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// Many independent callers: the next comes whether or not the last was answered.
    Open {
        /// How they are spread.
        arrivals: Arrivals,
        /// How many, when.
        stages: Vec<Stage>,
    },
    /// A fixed number of callers, each waiting for its answer.
    Closed {
        /// How many.
        clients: u64,
        /// How long each waits between an answer and its next request, in nanoseconds.
        think: u64,
        /// When they stop, in nanoseconds; at the end of the run where not said.
        until: Option<u64>,
    },
    /// Arrival times from a file beside the scenario: seconds, and optionally a key, on each line.
    Trace {
        /// The arrivals in the order of their times.
        arrivals: Vec<Arrival>,
    },
}

/// How arrivals are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other.
    Poisson,
    /// Evenly.
    Uniform,
}

/// One stretch of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long, in nanoseconds.
    pub lasts: u64,
    /// Requests a second at its start.
    pub rate: f64,
    /// And at its end; between them the rate changes evenly.
    pub to: f64,
}

/// Whose each request is.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// Each its own.
    Unique,
    /// A few own most (Zipf).
    Zipf {
        /// The exponent.
        s: f64,
        /// How many there are.
        n: u64,
    },
    /// One owns a share, all others are drawn evenly.
    Hot {
        /// The hot one.
        key: String,
        /// Its share.
        share: f64,
        /// How many others there are.
        n: u64,
    },
    /// All equal.
    Uniform {
        /// How many there are.
        n: u64,
    },
}

/// The class of a request, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A user waits for it and pays.
    High,
    /// The usual.
    Normal,
    /// Can be repeated later.
    Low,
    /// Nobody waits for it.
    Background,
}

const PRIORITIES: [(&str, Priority); 4] = [
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
    ("background", Priority::Background),
];

#[derive(Clone, Copy)]
enum Sort {
    Open,
    Closed,
    Trace,
}

pub(crate) fn read(node: &Node, directory: &Path, notes: &mut Notes<'_>) -> Option<Load> {
    let mut table = Table::new(node, "a load", notes)?;
    let handler = table.need("handler", "\"checkout\"", notes);
    let handler_span = handler.map(|node| node.span.clone()).unwrap_or_default();
    let handler = handler.and_then(|node| text(node, notes));
    let sorts = [("open", Sort::Open), ("closed", Sort::Closed), ("trace", Sort::Trace)];
    let model = match table.choice("model", &sorts, notes).unwrap_or(Sort::Open) {
        Sort::Open => read_open(&mut table, notes),
        Sort::Closed => {
            let clients = table.need("clients", "10", notes);
            let clients = clients.and_then(|node| super::reader::integer(node, 1..=1_000_000, notes));
            let think = table.duration("think", notes).unwrap_or(0);
            let until = table.duration("for", notes);
            clients.map(|clients| Model::Closed { clients, think, until })
        }
        Sort::Trace => {
            let file = table.need("file", "\"arrivals.csv\"", notes);
            file.and_then(|node| trace::read(node, directory, notes))
                .map(|arrivals| Model::Trace { arrivals })
        }
    };
    let keys = table.get("keys").map_or(Some(Keys::Unique), |node| read_keys(node, notes));
    let priority = table.choice("priority", &PRIORITIES, notes).unwrap_or(Priority::Normal);
    table.finish(notes);
    Some(Load { handler: handler?.to_owned(), model: model?, keys: keys?, priority, handler_span })
}

fn read_open(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Model> {
    let spreads = [("poisson", Arrivals::Poisson), ("uniform", Arrivals::Uniform)];
    let arrivals = table.choice("arrivals", &spreads, notes).unwrap_or(Arrivals::Poisson);
    let nodes = table.list("stages", 1_000, notes);
    if nodes.is_empty() {
        notes.add(
            table.span,
            "`stages` is missing; write it as in stages = [{ for = \"60s\", rate = \"100/s\" }]",
        );
        return None;
    }
    let stages: Vec<Option<Stage>> = nodes.iter().map(|node| read_stage(node, notes)).collect();
    Some(Model::Open { arrivals, stages: stages.into_iter().collect::<Option<_>>()? })
}

fn read_stage(node: &Node, notes: &mut Notes<'_>) -> Option<Stage> {
    let mut table = Table::new(node, "a stage", notes)?;
    let lasts = table.need("for", "\"60s\"", notes).and_then(|node| duration(node, notes));
    let start = table.need("rate", "\"280/s\"", notes).and_then(|node| rate(node, notes));
    let to = match table.get("to") {
        Some(node) => rate(node, notes),
        None => start,
    };
    table.finish(notes);
    Some(Stage { lasts: lasts?, rate: start?, to: to? })
}

fn read_keys(node: &Node, notes: &mut Notes<'_>) -> Option<Keys> {
    let most = 1..=10_000_000;
    let mut table = Table::new(node, "keys", notes)?;
    let hot = table.get("hot");
    let dist = table.get("dist");
    let keys = match (hot, dist) {
        (Some(hot), None) => {
            let key = text(hot, notes);
            let share = table.need("share", "0.9", notes).and_then(|node| number(node, 0.0..=1.0, notes));
            let n = table.integer("n", most, notes).unwrap_or(1);
            Some(Keys::Hot { key: key?.to_owned(), share: share?, n })
        }
        (None, Some(dist)) => {
            let n =
                table.need("n", "10000", notes).and_then(|node| super::reader::integer(node, most, notes));
            match choice(dist, &[("zipf", true), ("uniform", false)], notes)? {
                true => Some(Keys::Zipf { s: table.number("s", 0.0..=20.0, notes).unwrap_or(1.1), n: n? }),
                false => Some(Keys::Uniform { n: n? }),
            }
        }
        _ => {
            let example =
                "{ dist = \"zipf\", s = 1.1, n = 10000 } or { hot = \"k\", share = 0.9, n = 100000 }";
            notes.add(&node.span, format!("keys are written as {example}"));
            None
        }
    };
    table.finish(notes);
    keys
}
