use steadfast_actors::settings::Grants;

use super::mistake::Notes;
use super::reader::Table;
use super::tree::Node;

/// Options of the runtime under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// How often an actor may be restarted, and within which time in nanoseconds.
    pub restarts: Option<(u32, u64)>,
    /// Messages that may wait in an actor's mailbox.
    pub mailbox: Option<u32>,
    /// Whether what actors grant is taken in advance; as by default where it is not said.
    pub grants: Option<Grants>,
    /// Where idempotency records live.
    pub store: String,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions { restarts: None, mailbox: None, grants: None, store: "memory".to_owned() }
    }
}

/// Reads options over those that hold already.
pub(crate) fn read(node: &Node, under: &RuntimeOptions, notes: &mut Notes<'_>) -> RuntimeOptions {
    let mut options = under.clone();
    let Some(mut table) = Table::new(node, "the runtime's options", notes) else { return options };
    if let Some(node) = table.get("restarts")
        && let Some(mut limits) = Table::new(node, "restarts", notes)
    {
        let max = limits.integer("max", 1..=10_000, notes).and_then(|max| u32::try_from(max).ok());
        let within = limits.duration("within", notes);
        limits.finish(notes);
        match (max, within) {
            (Some(max), Some(within)) if within > 0 => options.restarts = Some((max, within)),
            _ => notes.add(&node.span, "write restarts = { max = 5, within = \"30s\" }"),
        }
    }
    if let Some(mailbox) = table.integer("mailbox", 1..=1_000_000, notes) {
        options.mailbox = u32::try_from(mailbox).ok();
    }
    if let Some(grants) = table.choice("grants", &[("on", Grants::On), ("off", Grants::Off)], notes) {
        options.grants = Some(grants);
    }
    if let Some(store) = table.choice("store", &[("memory", "memory")], notes) {
        store.clone_into(&mut options.store);
    }
    table.finish(notes);
    options
}
