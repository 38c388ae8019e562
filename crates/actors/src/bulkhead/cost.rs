use super::{BulkheadConfig, PoolKind};
use crate::settings::Reader;

/// What a site's call takes of a pool, as `cost` says it. A path of a function is read by the attribute itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The bytes of the message's body.
    Body,
    /// The value of an argument, or its length.
    Argument(String),
    /// What this function says of the arguments.
    Path(String),
}

impl Cost {
    /// Reads `body`, `arg:x` or a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("arg:") {
            Some(argument) => Cost::Argument(argument.to_owned()),
            None if text == "body" => Cost::Body,
            None => Cost::Path(text.to_owned()),
        }
    }
}

impl BulkheadConfig {
    /// Every call of the other kinds takes one thread, one connection or one place, whatever it is about.
    pub(super) fn check_cost(&self, reader: &mut Reader<'_>) {
        let cost = reader.text("cost");
        if cost.as_deref().is_some_and(|cost| cost.trim().is_empty()) {
            let message = "write \"body\", \"arg:x\" or the path of a function, as in cost = \"arg:bytes\"";
            reader.problem("cost", message);
        }
        if let (Some(_), PoolKind::Threads | PoolKind::Connections | PoolKind::Cpu) = (cost, self.kind()) {
            let message = "a call takes one place of such a pool; a cost is for memory and semaphore";
            reader.problem("cost", message);
        }
    }
}
