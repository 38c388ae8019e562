//! What a handler's calls take of its pools.

use proc_macro2::Span;
use steadfast_actors::bulkhead::Cost;
use syn::ExprPath;

use super::{Declared, Handler};
use crate::grammar::Written;

/// What one attribute says of it.
pub(crate) struct Weight<'a> {
    pub(crate) pool: &'a str,
    /// Where it is written, or the attribute itself.
    pub(crate) span: Span,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    /// The body of the message, whether it is written so or left out.
    Body {
        /// Whether the pool is known to need it.
        needed: bool,
    },
    Argument(String),
    Function(ExprPath),
}

impl Handler {
    /// What must be read from the arguments for the pools.
    pub(crate) fn weights(&self) -> impl Iterator<Item = Weight<'_>> {
        let pools = ["bulkhead", "bulkhead_priority"].into_iter().filter_map(|name| self.declared(name));
        pools.filter_map(weight)
    }
}

fn weight(declared: &Declared) -> Option<Weight<'_>> {
    let (pool, _) = declared.arguments.text("name")?;
    let Some(cost) = declared.arguments.get("cost") else {
        let is_memory = is_memory(declared)?;
        return Some(Weight { pool, span: declared.span, source: Source::Body { needed: is_memory } });
    };
    let source = match &cost.value {
        Written::Text(text) => match Cost::parse(text) {
            Cost::Body => Source::Body { needed: true },
            Cost::Argument(argument) => Source::Argument(argument),
            Cost::Path(_) => Source::Function(declared.path("cost")?.0),
        },
        _ => Source::Function(declared.path("cost")?.0),
    };
    Some(Weight { pool, span: cost.span, source })
}

/// Whether the pool counts bytes; `None` where it is known not to. A kind that stands elsewhere may be memory.
fn is_memory(declared: &Declared) -> Option<bool> {
    let arguments = &declared.arguments;
    match (arguments.text("kind"), arguments.get("capacity").map(|entry| &entry.value)) {
        (Some(("memory", _)), _) | (None, Some(Written::Text(_))) => Some(true),
        (None, None) => Some(false),
        _ => None,
    }
}
