use std::borrow::Cow;

use steadfast_actors::settings::Settings;

/// Where an annotated function stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `module_path!()`
    pub module: &'static str,
    /// The type of a method; empty for a function.
    pub owner: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// The file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Identity {
    /// `crate::module::Type::function`; two sites can share it.
    #[must_use]
    pub fn path(&self) -> String {
        let Identity { module, owner, function, .. } = self;
        if owner.is_empty() {
            format!("{module}::{function}")
        } else {
            format!("{module}::{owner}::{function}")
        }
    }
}

/// One attribute as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The attribute's name.
    pub attribute: Cow<'static, str>,
    /// Its line.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// Its arguments.
    pub settings: Settings,
    /// Whether it stands outside a retry that it canonically stands inside of.
    pub outside_retry: bool,
}

impl Declaration {
    /// An attribute at its place.
    #[must_use]
    pub fn new(attribute: impl Into<Cow<'static, str>>, line: u32, column: u32, settings: Settings) -> Self {
        Declaration { attribute: attribute.into(), line, column, settings, outside_retry: false }
    }

    /// The same, outside the retry or not.
    #[must_use]
    pub(crate) fn outside_retry(mut self, outside: bool) -> Self {
        self.outside_retry = outside;
        self
    }
}

/// One annotated function, as its macro describes it.
#[derive(Debug)]
pub struct Site {
    identity: Identity,
    declare: fn() -> Vec<Declaration>,
}

impl Site {
    /// A site from its parts.
    #[must_use]
    pub const fn new(identity: Identity, declare: fn() -> Vec<Declaration>) -> Self {
        Site { identity, declare }
    }

    /// Where it stands.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it declares.
    #[must_use]
    pub fn declarations(&self) -> Vec<Declaration> {
        (self.declare)()
    }
}

/// A site that the linker collected.
#[derive(Debug)]
pub struct Enrolled(pub &'static Site);

inventory::collect!(Enrolled);
