use super::mistake::Notes;
use super::reader::{Table, choice};
use super::tree::Node;

/// What random faults a swarm draws for each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Swarm {
    /// The families that it draws from.
    pub families: Vec<Family>,
    /// The share of the families that each seed leaves out.
    pub omit: f64,
    /// How many faults each seed draws at most.
    pub budget: u64,
}

/// A family of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Faults of links.
    Link,
    /// Faults of services.
    Service,
    /// Faults of actors.
    Actor,
    /// Faults of the wall clock.
    Clock,
    /// Faults of stores.
    Store,
}

const FAMILIES: [(&str, Family); 5] = [
    ("link", Family::Link),
    ("service", Family::Service),
    ("actor", Family::Actor),
    ("clock", Family::Clock),
    ("store", Family::Store),
];

impl Default for Swarm {
    fn default() -> Self {
        Swarm { families: FAMILIES.iter().map(|(_, family)| *family).collect(), omit: 0.5, budget: 20 }
    }
}

pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Swarm> {
    let default = Swarm::default();
    let mut table = Table::new(node, "a swarm", notes)?;
    let written = table.list("families", 5, notes);
    let families: Vec<Family> = written.iter().filter_map(|node| choice(node, &FAMILIES, notes)).collect();
    let families = if written.is_empty() { default.families } else { families };
    let omit = table.number("omit", 0.0..=1.0, notes).unwrap_or(default.omit);
    let budget = table.integer("budget", 0..=1_000, notes).unwrap_or(default.budget);
    table.finish(notes);
    Some(Swarm { families, omit, budget })
}
