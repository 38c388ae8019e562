//! One annotated function with all that is declared on it.

mod bindings;
mod checks;
mod declared;
mod function;
mod weights;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, ExprPath, Path, parse_quote};

use crate::grammar::{Entry, Written};

pub(crate) use bindings::{Argument, Binding, Whole, reads_unused, without_mut};
pub(crate) use checks::Identity;
pub(crate) use declared::Declared;
pub(crate) use function::{Form, Function};
pub(crate) use weights::Source;

/// All that one expansion is made of.
pub(crate) struct Handler {
    pub(crate) function: Function,
    /// In the order in which they expanded: from top to bottom.
    pub(crate) declared: Vec<Declared>,
    /// `::steadfast`, or what a `crate = ".."` says.
    pub(crate) krate: Path,
}

impl Handler {
    /// Reads what the attributes gathered, and the item below them.
    ///
    /// # Errors
    /// Every mistake of the handler, told at once.
    pub(crate) fn read(gathered: TokenStream, item: TokenStream) -> Result<Self, Error> {
        let mut errors = Vec::new();
        let declared = Declared::all(gathered, &mut errors);
        let function = Function::read(item, &mut errors);
        let krate = declared.iter().find_map(|one| one.arguments.krate.clone());
        let krate = krate.unwrap_or_else(|| parse_quote!(::steadfast));
        let handler = function.map(|function| Handler { function, declared, krate });
        if let Some(handler) = &handler {
            handler.check(&mut errors);
        }
        match (handler, combined(errors)) {
            (Some(handler), None) => Ok(handler),
            (_, error) => Err(error.unwrap_or_else(|| Error::new(Span::call_site(), "no function"))),
        }
    }

    pub(crate) fn declared(&self, name: &str) -> Option<&Declared> {
        self.declared.iter().find(|declared| declared.attribute.name == name)
    }

    /// The path that `attribute` names under `key`, with its place.
    pub(crate) fn path_of(&self, attribute: &str, key: &str) -> Option<(ExprPath, Span)> {
        self.declared(attribute)?.path(key)
    }

    /// The type that `attribute` names under `key`, with its place.
    pub(crate) fn tokens_of(&self, attribute: &str, key: &str) -> Option<(TokenStream, Span)> {
        match self.declared(attribute)?.arguments.get(key)? {
            Entry { value: Written::Tokens(tokens), span, .. } => Some((tokens.clone(), *span)),
            _ => None,
        }
    }

    /// Whether the handler may run more than once in one call.
    pub(crate) fn runs_again(&self) -> bool {
        self.declared("retry").or(self.declared("hedge")).is_some()
    }

    /// Whether its bindings are cloned, so that something is left for a second run or for a fallback.
    pub(crate) fn clones(&self) -> bool {
        self.runs_again() || self.declared("fallback").is_some()
    }

    /// Whether a `Message` among the arguments is checked as the handler reads it.
    pub(crate) fn validates_arguments(&self) -> bool {
        self.declared("validate").is_some_and(|validate| validate.arguments.get("type").is_none())
    }

    /// The path of what only expansions may call.
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::__private)
    }
}

/// All mistakes as one; `None` where there is none.
pub(crate) fn combined(errors: Vec<Error>) -> Option<Error> {
    errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    })
}
