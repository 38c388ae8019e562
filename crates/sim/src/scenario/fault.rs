use super::distribution::{self, Distribution};
use super::mistake::Notes;
use super::reader::{Table, clip, none_of, text};
use super::service::{ErrorShare, read_errors};
use super::tree::{Node, Span};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub when: When,
    /// How long it lasts, in nanoseconds; to the end of the run where not said.
    pub lasts: Option<u64>,
    /// How often it comes again, in nanoseconds, until `lasts` is over.
    pub every: Option<u64>,
    /// Where.
    pub target: Target,
    /// What.
    pub kind: FaultKind,
    /// Only requests with this key.
    pub key: Option<String>,
    pub(crate) target_span: Span,
}

/// When a fault begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// At a time, in nanoseconds.
    At(u64),
    /// When the first event of this name is logged.
    On(String),
}

/// Where a fault strikes. A `*` in a link's ends stands for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The messages from one to another.
    Link {
        /// The sender.
        from: String,
        /// The receiver.
        to: String,
    },
    /// A simulated dependency.
    Service(String),
    /// An actor by its kind and name.
    Actor {
        /// `breaker`, `bulkhead`, `throttle`, `limiter`, `idempotency`, `adaptive`
        kind: String,
        /// Its name.
        name: String,
    },
    /// The wall clock.
    Clock,
    /// A store on disk.
    Store(String),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Link: nothing arrives, in either direction.
    Partition,
    /// Link: nothing arrives in this direction.
    Oneway,
    /// Link: messages of both directions wait until it heals.
    Hold,
    /// Link: messages of this direction wait until it heals.
    Clog,
    /// Link: a share of the messages is lost.
    Drop(f64),
    /// Link: a share of the messages arrives more than once, with one up to this many copies beside each.
    Duplicate(f64, u32),
    /// Link: a share of the messages is overtaken, by up to this many nanoseconds.
    Reorder(f64, u64),
    /// Link: messages take longer.
    Slow(Distribution),
    /// Links: clogged one by one within this many nanoseconds, freed in random order.
    Swizzle(u64),
    /// Service: another latency.
    Latency(Distribution),
    /// Service: other errors.
    Errors(Vec<ErrorShare>),
    /// Service: a share of its servers.
    Capacity(f64),
    /// Service: what it serves is lost and connections are refused.
    Crash,
    /// Service or actor: takes requests and answers none.
    Hang,
    /// Service: a share of the answers takes this long.
    Drip(f64, Distribution),
    /// Actor: it panics.
    Panic,
    /// Actor: its mailbox takes nothing.
    MailboxFull,
    /// Clock: wall time jumps by this many nanoseconds, backwards if negative.
    Jump(i64),
    /// Clock: wall time runs at this rate.
    Skew(f64),
    /// Clock: wall time stands still.
    Freeze,
    /// Store: the process dies, and finds its last write cut.
    Torn,
    /// Store: the process dies, and finds the write before its last one.
    Stale,
    /// Store: nothing can be written; at its end the process dies, and finds what stood there before.
    Enospc,
    /// Store: the process dies, and finds one bit of its last write wrong.
    Bitflip,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Link { from, to } => write!(f, "link:{from}->{to}"),
            Target::Service(name) => write!(f, "service:{name}"),
            Target::Actor { kind, name } => write!(f, "actor:{kind}/{name}"),
            Target::Clock => f.write_str("clock"),
            Target::Store(name) => write!(f, "store:{name}"),
        }
    }
}

impl FaultKind {
    /// Its name in files.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            FaultKind::Partition => "partition",
            FaultKind::Oneway => "oneway",
            FaultKind::Hold => "hold",
            FaultKind::Clog => "clog",
            FaultKind::Drop(_) => "drop",
            FaultKind::Duplicate(..) => "duplicate",
            FaultKind::Reorder(..) => "reorder",
            FaultKind::Slow(_) => "slow",
            FaultKind::Swizzle(_) => "swizzle",
            FaultKind::Latency(_) => "latency",
            FaultKind::Errors(_) => "errors",
            FaultKind::Capacity(_) => "capacity",
            FaultKind::Crash => "crash",
            FaultKind::Hang => "hang",
            FaultKind::Drip(..) => "drip",
            FaultKind::Panic => "panic",
            FaultKind::MailboxFull => "mailbox_full",
            FaultKind::Jump(_) => "jump",
            FaultKind::Skew(_) => "skew",
            FaultKind::Freeze => "freeze",
            FaultKind::Torn => "torn",
            FaultKind::Stale => "stale",
            FaultKind::Enospc => "enospc",
            FaultKind::Bitflip => "bitflip",
        }
    }
}

const LINK: [&str; 9] =
    ["partition", "oneway", "hold", "clog", "drop", "duplicate", "reorder", "slow", "swizzle"];
const SERVICE: [&str; 6] = ["latency", "errors", "capacity", "crash", "hang", "drip"];
const ACTOR: [&str; 4] = ["crash", "panic", "hang", "mailbox_full"];
const CLOCK: [&str; 3] = ["jump", "skew", "freeze"];
const STORE: [&str; 4] = ["torn", "stale", "enospc", "bitflip"];

pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Fault> {
    let mut table = Table::new(node, "a fault", notes)?;
    let (at, on) = (table.duration("at", notes), table.get("on"));
    let on = on.and_then(|node| Some((node, text(node, notes)?)));
    let when = match (at, on) {
        (Some(at), None) => Some(When::At(at)),
        (None, Some((node, on))) => match on.strip_prefix("event:") {
            Some(name) if !name.is_empty() => Some(When::On(name.to_owned())),
            _ => {
                notes.add(&node.span, "an event is written as on = \"event:NAME\"");
                None
            }
        },
        (None, None) => {
            notes.add(table.span, "a fault needs at = \"20s\" or on = \"event:NAME\"");
            None
        }
        (Some(_), Some((node, _))) => {
            notes.add(&node.span, "a fault begins at a time or on an event, not both");
            None
        }
    };
    let lasts = table.duration("for", notes);
    let every = table.duration("every", notes);
    if every == Some(0) {
        notes.add(table.span, "every = \"0s\" would never end");
    }
    let target_node = table.need("target", "\"link:app->db\"", notes);
    let target_span = target_node.map(|node| node.span.clone()).unwrap_or_default();
    let target = target_node.and_then(|node| read_target(node, notes));
    let kind = match &target {
        Some(target) => read_kind(target, &mut table, notes),
        None => None,
    };
    let key = table.text("key", notes).map(str::to_owned);
    if target.is_some() && kind.is_some() {
        table.finish(notes);
    }
    Some(Fault { when: when?, lasts, every, target: target?, kind: kind?, key, target_span })
}

fn read_target(node: &Node, notes: &mut Notes<'_>) -> Option<Target> {
    let written = text(node, notes)?;
    let parsed = match written.split_once(':') {
        Some(("link", ends)) => ends
            .split_once("->")
            .map(|(from, to)| Target::Link { from: from.trim().to_owned(), to: to.trim().to_owned() }),
        Some(("service", name)) => Some(Target::Service(name.to_owned())),
        Some(("actor", path)) => path
            .split_once('/')
            .map(|(kind, name)| Target::Actor { kind: kind.to_owned(), name: name.to_owned() }),
        Some(("store", name)) => Some(Target::Store(name.to_owned())),
        None if written == "clock" => Some(Target::Clock),
        _ => None,
    };
    if parsed.is_none() {
        let forms = "link:A->B, service:NAME, actor:KIND/NAME, clock, store:NAME";
        notes.add(&node.span, format!("{:?} is no target; it can be {forms}", clip(written)));
    }
    parsed
}

fn read_kind(target: &Target, table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<FaultKind> {
    let node = table.need("kind", "\"hold\"", notes)?;
    let word = text(node, notes)?;
    let (what, allowed): (&str, &[&str]) = match target {
        Target::Link { .. } => ("link", &LINK),
        Target::Service(_) => ("service", &SERVICE),
        Target::Actor { .. } => ("actor", &ACTOR),
        Target::Clock => ("clock", &CLOCK),
        Target::Store(_) => ("store", &STORE),
    };
    if !allowed.contains(&word) {
        none_of(allowed, node, word, &format!("cannot befall a {what}"), notes);
        return None;
    }
    Some(match word {
        "partition" => FaultKind::Partition,
        "oneway" => FaultKind::Oneway,
        "hold" => FaultKind::Hold,
        "clog" => FaultKind::Clog,
        "drop" => FaultKind::Drop(share(table, notes)?),
        "duplicate" => {
            let copies = table.integer("copies", 1..=100, notes).unwrap_or(1);
            FaultKind::Duplicate(share(table, notes)?, u32::try_from(copies).unwrap_or(1))
        }
        "reorder" => {
            FaultKind::Reorder(share(table, notes)?, table.duration("by", notes).unwrap_or(100_000_000))
        }
        "slow" => FaultKind::Slow(latency("add", table, notes)?),
        "swizzle" => FaultKind::Swizzle(table.duration("within", notes).unwrap_or(5_000_000_000)),
        "latency" => FaultKind::Latency(latency("latency", table, notes)?),
        "errors" => FaultKind::Errors(read_errors(table.list("errors", 20, notes), notes)),
        "capacity" => {
            let factor = table.need("factor", "0.2", notes)?;
            FaultKind::Capacity(super::reader::number(factor, 0.0..=1_000.0, notes)?)
        }
        "hang" => FaultKind::Hang,
        "drip" => FaultKind::Drip(share(table, notes)?, latency("latency", table, notes)?),
        "panic" => FaultKind::Panic,
        "mailbox_full" => FaultKind::MailboxFull,
        "jump" => FaultKind::Jump(signed_duration("by", table, notes)?),
        "skew" => {
            let rate = table.need("rate", "2.0", notes)?;
            FaultKind::Skew(super::reader::number(rate, 0.0..=1_000.0, notes)?)
        }
        "freeze" => FaultKind::Freeze,
        "torn" => FaultKind::Torn,
        "stale" => FaultKind::Stale,
        "enospc" => FaultKind::Enospc,
        "bitflip" => FaultKind::Bitflip,
        _ => FaultKind::Crash,
    })
}

fn share(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<f64> {
    let node = table.need("p", "0.1", notes)?;
    super::reader::number(node, 0.0..=1.0, notes)
}

fn latency(key: &'static str, table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Distribution> {
    let node = table.need(key, "\"100ms\"", notes)?;
    distribution::read(node, notes)
}

fn signed_duration(key: &'static str, table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<i64> {
    let node = table.need(key, "\"-1h\"", notes)?;
    let written = text(node, notes)?;
    let (digits, sign) = written.strip_prefix('-').map_or((written, 1), |digits| (digits, -1));
    let unsigned = Node { span: node.span.clone(), item: super::tree::Item::Text(digits.to_owned()) };
    let nanos = super::reader::duration(&unsigned, notes)?;
    i64::try_from(nanos).ok().map(|nanos| nanos * sign)
}
