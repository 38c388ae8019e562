use super::mistake::Notes;
use super::reader::{Table, clip, duration, none_of, number, parse_rate, text};
use super::tree::{Item, Node, Span};

/// A threshold that must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The variant.
    pub variant: String,
    /// What is measured.
    pub metric: Metric,
    /// Of the requests to these handlers alone; of all where none is named.
    pub handlers: Vec<String>,
    /// When, in nanoseconds; the whole run where not said.
    pub over: Option<(u64, u64)>,
    /// At most.
    pub max: Option<Bound>,
    /// At least.
    pub min: Option<Bound>,
    /// For `recovery`: which share of the offered load counts as recovered.
    pub ratio: f64,
    /// Seeds, and how many of them must hold.
    pub seeds: Option<(u64, u64, u64)>,
    pub(crate) variant_span: Span,
    pub(crate) metric_span: Span,
    pub(crate) handler_spans: Vec<Span>,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Requests answered in time with a real success.
    Goodput,
    /// Requests that arrived.
    Offered,
    /// Calls that reached for a service.
    Attempts,
    /// The share of answered requests that were real successes.
    SuccessRatio,
    /// A quantile of the successes' latency, in thousandths.
    Quantile(u32),
    /// From the end of the last fault until goodput is back.
    Recovery,
    /// The share of server time spent after the caller's deadline.
    Wasted,
    /// Entries that limiters and idempotency stores keep in memory at the end.
    Memory,
    /// Refusals of one kind.
    Rejected(String),
    /// Transitions of the actor of this name.
    Transitions(String),
    /// Restarts of the actor of this name after a crash.
    Restarts(String),
    /// How often the actor of this name was given up because it crashed too often.
    Escalations(String),
    /// The most executions that one key had.
    ExecutionsPerKey,
    /// Answers that came from a fallback or with parts left out.
    Degraded,
    /// The most requests in flight.
    InFlight,
    /// The most requests that waited before a service.
    Queue(String),
    /// Requests that servers began to serve.
    Executions,
}

impl Metric {
    /// Whether it can be told apart by the handler that requests from outside are sent to.
    fn is_of_requests(&self) -> bool {
        matches!(
            self,
            Metric::Goodput
                | Metric::Offered
                | Metric::Attempts
                | Metric::SuccessRatio
                | Metric::Quantile(_)
                | Metric::Recovery
                | Metric::Rejected(_)
                | Metric::Degraded
                | Metric::InFlight
        )
    }
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A plain number.
    Number(f64),
    /// So many a second.
    Rate(f64),
    /// A time in nanoseconds.
    Time(u64),
}

/// Something that must happen in at least one run, or the scenario tests nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Sometimes {
    /// The variant.
    pub variant: String,
    /// `breaker:db=half_open`
    pub reached: Reached,
    pub(crate) variant_span: Span,
    pub(crate) reached_span: Span,
}

/// A state that an actor reaches, or an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// An actor enters a state.
    State {
        /// The actor's kind.
        kind: String,
        /// Its name.
        name: String,
        /// The state.
        state: String,
    },
    /// An event is logged.
    Event(String),
}

const PLAIN: [(&str, Metric); 15] = [
    ("goodput", Metric::Goodput),
    ("offered", Metric::Offered),
    ("attempts", Metric::Attempts),
    ("executions", Metric::Executions),
    ("success_ratio", Metric::SuccessRatio),
    ("p50", Metric::Quantile(500)),
    ("p90", Metric::Quantile(900)),
    ("p99", Metric::Quantile(990)),
    ("p999", Metric::Quantile(999)),
    ("recovery", Metric::Recovery),
    ("wasted", Metric::Wasted),
    ("memory", Metric::Memory),
    ("executions_per_key", Metric::ExecutionsPerKey),
    ("degraded", Metric::Degraded),
    ("in_flight", Metric::InFlight),
];

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Metric::Rejected(kind) => write!(f, "rejected.{kind}"),
            Metric::Transitions(name) => write!(f, "transitions.{name}"),
            Metric::Restarts(name) => write!(f, "restarts.{name}"),
            Metric::Escalations(name) => write!(f, "escalations.{name}"),
            Metric::Queue(name) => write!(f, "queue.{name}"),
            plain => {
                f.write_str(PLAIN.iter().find(|(_, known)| known == plain).map_or("p", |(name, _)| name))
            }
        }
    }
}

pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Expectation> {
    let mut table = Table::new(node, "an expectation", notes)?;
    let variant = table.need("variant", "\"guarded\"", notes);
    let variant_span = variant.map(|node| node.span.clone()).unwrap_or_default();
    let variant = variant.and_then(|node| text(node, notes));
    let metric = table.need("metric", "\"goodput\"", notes);
    let metric_span = metric.map(|node| node.span.clone()).unwrap_or_default();
    let metric = metric.and_then(|node| read_metric(node, notes));
    let mut handler_spans = Vec::new();
    let handlers = table.get("handler").map_or(Vec::new(), |node| {
        let nodes = match &node.item {
            Item::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let names = nodes.iter().filter_map(|node| {
            handler_spans.push(node.span.clone());
            text(node, notes).map(str::to_owned)
        });
        names.collect()
    });
    if !handlers.is_empty() && metric.as_ref().is_some_and(|metric| !metric.is_of_requests()) {
        notes.add(&metric_span, "this is not measured by handler; leave `handler` out");
    }
    let over = table.get("over").and_then(|node| read_window(node, notes));
    let max = table.get("max").and_then(|node| read_bound(node, notes));
    let min = table.get("min").and_then(|node| read_bound(node, notes));
    if max.is_none() && min.is_none() {
        notes.add(table.span, "an expectation needs max or min");
    }
    let ratio = table.number("ratio", 0.0..=1.0, notes).unwrap_or(0.95);
    let seeds = table.get("seeds").and_then(|node| read_seeds(node, notes));
    let of = table.integer("of", 1..=100_000, notes);
    let seeds = seeds.map(|(from, to)| (from, to, of.unwrap_or(to - from)));
    if seeds.is_some_and(|(from, to, of)| of > to - from) {
        notes.add(table.span, "`of` is larger than the number of seeds");
    }
    table.finish(notes);
    let variant = variant?.to_owned();
    Some(Expectation {
        variant,
        metric: metric?,
        handlers,
        over,
        max,
        min,
        ratio,
        seeds,
        variant_span,
        metric_span,
        handler_spans,
    })
}

fn read_metric(node: &Node, notes: &mut Notes<'_>) -> Option<Metric> {
    let written = text(node, notes)?;
    if let Some((_, metric)) = PLAIN.iter().find(|(name, _)| *name == written) {
        return Some(metric.clone());
    }
    match written.split_once('.') {
        Some(("rejected", kind)) => return Some(Metric::Rejected(kind.to_owned())),
        Some(("transitions", name)) => return Some(Metric::Transitions(name.to_owned())),
        Some(("restarts", name)) => return Some(Metric::Restarts(name.to_owned())),
        Some(("escalations", name)) => return Some(Metric::Escalations(name.to_owned())),
        Some(("queue", name)) => return Some(Metric::Queue(name.to_owned())),
        _ => {}
    }
    let names: Vec<&str> = PLAIN
        .iter()
        .map(|(name, _)| *name)
        .chain(["rejected.KIND", "transitions.NAME", "restarts.NAME", "escalations.NAME", "queue.NAME"])
        .collect();
    none_of(&names, node, written, "is not measured", notes);
    None
}

/// `"100s..120s"`
fn read_window(node: &Node, notes: &mut Notes<'_>) -> Option<(u64, u64)> {
    let written = text(node, notes)?;
    let Some((from, to)) = written.split_once("..") else {
        notes.add(&node.span, "a window is written as in over = \"100s..120s\"");
        return None;
    };
    let mut read = |part: &str| {
        let part = Node { span: node.span.clone(), item: Item::Text(part.trim().to_owned()) };
        duration(&part, notes)
    };
    let (from, to) = (read(from)?, read(to)?);
    if from >= to {
        notes.add(&node.span, "this window ends before it begins");
        return None;
    }
    Some((from, to))
}

fn read_bound(node: &Node, notes: &mut Notes<'_>) -> Option<Bound> {
    match &node.item {
        Item::Text(written) if written.contains('/') => {
            notes.keep(&node.span, parse_rate(written)).map(Bound::Rate)
        }
        Item::Text(_) => duration(node, notes).map(Bound::Time),
        _ => number(node, 0.0..=1e15, notes).map(Bound::Number),
    }
}

/// `"0..30"`
fn read_seeds(node: &Node, notes: &mut Notes<'_>) -> Option<(u64, u64)> {
    let written = text(node, notes)?;
    notes.keep(&node.span, parse_seeds(written))
}

/// Reads a half-open range of seeds, `"0..30"`.
///
/// # Errors
/// A text that says how it is written.
pub fn parse_seeds(written: &str) -> Result<(u64, u64), String> {
    let parsed = written
        .split_once("..")
        .and_then(|(from, to)| Some((from.trim().parse::<u64>().ok()?, to.trim().parse::<u64>().ok()?)));
    match parsed {
        Some((from, to)) if from < to && to - from <= 100_000 => Ok((from, to)),
        _ => {
            Err(format!("{:?} is no range of at most 100000 seeds; write it as in \"0..30\"", clip(written)))
        }
    }
}

pub(crate) fn read_sometimes(node: &Node, notes: &mut Notes<'_>) -> Option<Sometimes> {
    let mut table = Table::new(node, "a `sometimes`", notes)?;
    let variant = table.need("variant", "\"guarded\"", notes);
    let variant_span = variant.map(|node| node.span.clone()).unwrap_or_default();
    let variant = variant.and_then(|node| text(node, notes));
    let reached = table.need("reached", "\"breaker:db=half_open\"", notes);
    let reached_span = reached.map(|node| node.span.clone()).unwrap_or_default();
    let reached = reached.and_then(|node| {
        let written = text(node, notes)?;
        let parsed = match written.split_once(':') {
            Some(("event", name)) => Some(Reached::Event(name.to_owned())),
            Some((kind, rest)) => rest.split_once('=').map(|(name, state)| Reached::State {
                kind: kind.to_owned(),
                name: name.to_owned(),
                state: state.to_owned(),
            }),
            None => None,
        };
        if parsed.is_none() {
            notes.add(&node.span, "what is reached is written as \"breaker:db=half_open\" or \"event:NAME\"");
        }
        parsed
    });
    table.finish(notes);
    Some(Sometimes { variant: variant?.to_owned(), reached: reached?, variant_span, reached_span })
}
