use steadfast_actors::outcome::ErrorKind;

use super::distribution::{self, Distribution};
use super::mistake::Notes;
use super::names::read_name;
use super::reader::{LONGEST, Table, number};
use super::tree::Node;

/// A simulated dependency: identical servers behind one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How many requests it serves at once.
    pub servers: u64,
    /// How long one takes.
    pub latency: Distribution,
    /// Where requests wait.
    pub queue: Queue,
    /// What it answers with instead of success.
    pub errors: Vec<ErrorShare>,
    /// What a refusal costs, as a share of a serve.
    pub reject_cost: f64,
    /// Whether a request whose caller's deadline is over is dropped instead of served.
    pub drop_expired: bool,
    /// Whether requests go to shards by their key.
    pub shards: Option<u64>,
}

/// Where requests wait for a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// Who is next.
    pub discipline: Discipline,
    /// How many may wait.
    pub cap: Option<u64>,
    /// Who waited longer than this, in nanoseconds, is dropped when its turn comes.
    pub deadline: Option<u64>,
}

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// The one who waited longest.
    Fifo,
    /// The one who came last.
    Lifo,
    /// The highest class; within it, the one who waited longest.
    Priority,
    /// FIFO that sheds while waiting stays above 5 ms for 100 ms (RFC 8289).
    Codel,
}

/// One kind of error and how often it comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorShare {
    /// The kind.
    pub kind: ErrorKind,
    /// The share of answers.
    pub probability: f64,
}

const DISCIPLINES: [(&str, Discipline); 4] = [
    ("fifo", Discipline::Fifo),
    ("lifo", Discipline::Lifo),
    ("priority", Discipline::Priority),
    ("codel", Discipline::Codel),
];

impl Discipline {
    /// Its name in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        DISCIPLINES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// More servers than any dependency has; more could not be kept in memory.
const MOST_SERVERS: u64 = 1_000_000;

pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Service> {
    let mut table = Table::new(node, "a service", notes)?;
    let name = read_name(&mut table, notes);
    let servers = table.need("servers", "30", notes);
    let servers = servers.and_then(|node| super::reader::integer(node, 1..=MOST_SERVERS, notes));
    let latency = table.need("latency", "{ dist = \"const\", value = \"100ms\" }", notes);
    let latency = latency.and_then(|node| distribution::read(node, notes));
    let queue = match table.get("queue") {
        Some(node) => read_queue(node, notes),
        None => Some(Queue { discipline: Discipline::Fifo, cap: None, deadline: None }),
    };
    let errors = read_errors(table.list("errors", 20, notes), notes);
    let reject_cost = table.number("reject_cost", 0.0..=100.0, notes).unwrap_or(0.0);
    let drop_expired = table.flag("drop_expired", notes).unwrap_or(false);
    let routed = table.choice("route_by", &[("key", ())], notes);
    let shards = table.integer("shards", 1..=10_000, notes);
    if routed.is_none() && shards.is_some() {
        notes.add(table.span, "shards need route_by = \"key\", which says how requests find theirs");
    }
    table.finish(notes);
    Some(Service {
        name: name?,
        servers: servers?,
        latency: latency?,
        queue: queue?,
        errors,
        reject_cost,
        drop_expired,
        shards: routed.map(|()| shards.unwrap_or(5)),
    })
}

fn read_queue(node: &Node, notes: &mut Notes<'_>) -> Option<Queue> {
    let mut table = Table::new(node, "a queue", notes)?;
    let discipline = table.choice("discipline", &DISCIPLINES, notes).unwrap_or(Discipline::Fifo);
    let cap = table.integer("cap", 0..=10_000_000, notes);
    let deadline = table.duration("deadline", notes);
    table.finish(notes);
    Some(Queue { discipline, cap, deadline: deadline.filter(|deadline| *deadline < LONGEST) })
}

pub(crate) fn read_errors(nodes: &[Node], notes: &mut Notes<'_>) -> Vec<ErrorShare> {
    let mut errors = Vec::new();
    for node in nodes {
        let Some(mut table) = Table::new(node, "an error", notes) else { continue };
        let kind = table.need("kind", "\"unavailable\"", notes);
        let kind = kind.and_then(|node| super::reader::choice(node, &ErrorKind::NAMES, notes));
        let probability = table.need("probability", "0.1", notes);
        let probability = probability.and_then(|node| number(node, 0.0..=1.0, notes));
        table.finish(notes);
        if let (Some(kind), Some(probability)) = (kind, probability) {
            errors.push(ErrorShare { kind, probability });
        }
    }
    if errors.iter().map(|error| error.probability).sum::<f64>() > 1.0 + 1e-9
        && let Some(last) = nodes.last()
    {
        notes.add(&last.span, "the probabilities of these errors add up to more than 1");
    }
    errors
}
